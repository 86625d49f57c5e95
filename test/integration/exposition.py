"""Reads a page of metrics as Prometheus does (text format 0.0.4), strictly; shares no code with what writes it."""
import re

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(%s(?:,%s)*)\})? (\S+)" % (LABEL, LABEL))
HEAD = re.compile(r"# HELP (\S+) (.+)\n# TYPE \1 (counter|gauge|histogram)\n")
SUFFIXES = {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}


def check_histogram(name, samples):
    buckets = [(key, value) for key, value in samples.items() if key.startswith(name + "_bucket")]
    values = [value for _, value in buckets]
    assert values == sorted(values) and 'le="+Inf"' in buckets[-1][0], "buckets of %s" % name
    assert samples[name + "_count"] == values[-1] and samples[name + "_sum"] >= 0


def check_family(name, kind, lines):
    """{sample with its labels: value} of one family."""
    samples = {}
    for line in lines:
        found = SAMPLE.fullmatch(line)
        assert found and found[1].removeprefix(name) in SUFFIXES[kind], line
        key = line.rpartition(" ")[0]
        assert key not in samples, "twice: " + line
        samples[key] = float(found[3])
    assert kind != "counter" or (name.endswith("_total") and min(samples.values()) >= 0), name
    if kind == "histogram":
        check_histogram(name, samples)
    return samples


def parse(page):
    """All samples of a page; an AssertionError where it breaks a rule."""
    assert page.endswith("\n") and "\n\n" not in page
    heads = list(HEAD.finditer(page))
    assert heads and heads[0].start() == 0
    names = [head[1] for head in heads]
    assert len(names) == len(set(names)), "a family in two pieces"
    samples = {}
    for head, end in zip(heads, [head.start() for head in heads[1:]] + [len(page)]):
        samples |= check_family(head[1], head[3], page[head.end():end].splitlines())
    return samples

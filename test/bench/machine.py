"""What the machine did meanwhile: processor time of a process tree, of everybody else, and the conditions in words."""
import os
import platform
import re
import subprocess

TICKS = os.sysconf("SC_CLK_TCK")


def process_table():
    """For each process: its parent, its own processor seconds, those of its ended children."""
    table = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:                             # ended meanwhile
            continue
        own, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        table[int(name)] = (int(fields[1]), own / TICKS, ended / TICKS)
    return table


def tree_of(root, table):
    """The process and all that descend from it."""
    found, more = set(), {root}
    while more:
        found |= more
        more = {pid for pid, (parent, _, _) in table.items() if parent in more} - found
    return found


def tree_seconds(root, table):
    return sum(table[pid][1] for pid in tree_of(root, table) if pid in table)


def other_seconds(table):
    """Processor time of all programs but ours and the kernel's threads; ended children count with their parents."""
    ours = tree_of(os.getpid(), table)
    kernel = tree_of(2, table)
    return sum(own + ended for pid, (_, own, ended) in table.items() if pid not in ours and pid not in kernel)


def stolen_seconds():
    with open("/proc/stat", encoding="ascii") as stat:
        fields = stat.readline().split()
    return int(fields[8]) / TICKS


def load_average():
    return "%.2f" % os.getloadavg()[0]


def first_line(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError:
        return "not there"
    return (done.stdout.splitlines() or ["unknown"])[0].strip()


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        found = re.search(r"model name\s*:\s*(.*)", info.read())
    return "%s, %d cores" % (found.group(1) if found else platform.machine(), os.cpu_count())


def system():
    with open("/etc/os-release", encoding="utf-8") as release:
        found = re.search(r'PRETTY_NAME="?([^"\n]*)', release.read())
    return "%s, kernel %s" % (found.group(1) if found else "Linux", platform.release())


def library_versions():
    names = ("libmicrohttpd", "libxml-2.0", "zlib")
    return ", ".join("%s %s" % (name, first_line("pkg-config", "--modversion", name)) for name in names)

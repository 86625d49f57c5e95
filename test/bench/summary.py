"""From the cells of all rounds to medians, ratios and targets. Ratios are taken within a round, where the machine was
the same for both, and only then is their median taken.

results maps (round, connections, server name) to a Cell of load.py.
"""
from collections import namedtuple
from statistics import median

OURS = "mprelay"
STORES = "nginx"                                    # not durable
DURABLE = ("nginx-sync", "fastify")                 # the better of them counts
SIGNED = "mprelay-signed"
MOST_FOR_SIGNATURE_US = 60
BETTER_DURABLE = "durable"

Target = namedtuple("Target", "connections measure peer at_least at_most")
Spread = namedtuple("Spread", "least median most")

TARGETS = (
    Target(64, "rate", STORES, 0.55, None),
    Target(256, "rate", STORES, 0.55, None),
    Target(1, "rate", BETTER_DURABLE, 0.9, None),
    Target(16, "rate", BETTER_DURABLE, 1.5, None),
    Target(64, "rate", BETTER_DURABLE, 3.5, None),
    Target(256, "rate", BETTER_DURABLE, 3.5, None),
    Target(64, "cpu_us", STORES, None, 1.3),
)


def cells(results, connections, name):
    """By round."""
    return {turn: cell for (turn, c, n), cell in results.items() if (c, n) == (connections, name)}


def middle(results, connections, name, measure):
    return median(getattr(cell, measure) for cell in cells(results, connections, name).values())


def of_peer(results, connections, peer, measure):
    """The peer's figure by round."""
    if peer != BETTER_DURABLE:
        return {turn: getattr(cell, measure) for turn, cell in cells(results, connections, peer).items()}
    best = {}
    for name in DURABLE:
        for turn, cell in cells(results, connections, name).items():
            best[turn] = max(best.get(turn, 0), getattr(cell, measure))
    return best


def ratio(results, connections, peer, measure="rate", name=OURS):
    """Spread of name's figure divided by the peer's, or None where they did not both run."""
    theirs = of_peer(results, connections, peer, measure)
    ratios = [getattr(cell, measure) / theirs[turn]
              for turn, cell in cells(results, connections, name).items() if theirs.get(turn)]
    return Spread(min(ratios), median(ratios), max(ratios)) if ratios else None


def signature_cost(results, connections):
    """CPU microseconds that a signed request takes more than an unsigned one, or None."""
    unsigned = of_peer(results, connections, OURS, "cpu_us")
    costs = [cell.cpu_us - unsigned[turn] for turn, cell in cells(results, connections, SIGNED).items()
             if turn in unsigned]
    return Spread(min(costs), median(costs), max(costs)) if costs else None


def is_met(target, spread):
    return spread.median >= target.at_least if target.at_least else spread.median <= target.at_most


def judged(results):
    """(target, spread, met) for each target that was measured."""
    found = ((target, ratio(results, target.connections, target.peer, target.measure)) for target in TARGETS)
    return [(target, spread, is_met(target, spread)) for target, spread in found if spread]

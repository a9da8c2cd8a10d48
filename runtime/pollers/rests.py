"""How long until the next look: the rhythm with jitter, and a rest that grows while looks fail. Pure."""

JITTER = 0.1
"""A tenth more or less, so that a thousand controllers are not looked at in the same moment."""

GROWS_TO = 900.0
"""Seconds; a controller that has been away for a day is looked at every quarter of an hour, or in its own rhythm if
that is slower."""

SHORTEST = 0.01
"""Seconds; nothing is looked at more often, whatever its settings say, and a rest that grows grows from here."""


def until_first(every: float, chance: float) -> float:
    """Seconds until the first look after a start: anywhere in the first interval, a minute at most."""
    return min(every, 60.0) * chance


def until_next(every: float, failures: int, chance: float) -> float:
    """Seconds from the end of a look to the next. `chance` is from 0 to 1."""
    every = max(every, SHORTEST)
    grown = every * 2 ** min(failures - 1, 20) if failures else every
    rest = min(grown, max(GROWS_TO, every))
    return rest * (1 + JITTER * (2 * chance - 1))

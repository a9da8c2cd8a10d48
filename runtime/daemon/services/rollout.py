"""Rollout: which replicas to start and to stop next, so that a service comes to be as wanted. Pure.

A change reaches one replica at a time: a new one has to be fit before an old one goes, and as long as a new one is not,
no further old one is touched: a revision that does not start leaves the earlier one at work.
"""

from collections.abc import Sequence

import msgspec

from runtime.daemon.services.records import InstanceState

LIVE: frozenset[InstanceState] = frozenset({"starting", "running"})


class Place(msgspec.Struct, frozen=True):
    """A replica as the rollout sees it.

    `current`: started for what is wanted now. `fit`: ready to answer and healthy, or completed. `born` orders replicas
    by when they were started. `goes`: it is being stopped and its place goes with it.
    """

    current: bool
    phase: InstanceState
    fit: bool
    born: int
    goes: bool = False


class Moves(msgspec.Struct, frozen=True):
    """What to do now: how many replicas to add, and which (by index) to stop and to start anew in their place."""

    add: int = 0
    stop: tuple[int, ...] = ()
    again: tuple[int, ...] = ()


def next_moves(places: Sequence[Place], wanted: int, *, most: int) -> Moves:
    """The next moves for `wanted` replicas; `most` may run at a time, those that are being stopped included."""
    here = [at for at, place in enumerate(places) if not place.goes]
    if wanted == 0:
        return Moves(stop=tuple(at for at in here if places[at].phase in LIVE))
    room = max(0, most - len(places))
    again = tuple(at for at in here if _starts_anew(places[at]))
    if len(here) < wanted:
        return Moves(add=min(wanted - len(here), room), again=again)
    old = [at for at in here if not places[at].current and places[at].phase in LIVE]
    if not old:
        stop = _first_to_go(places, here, len(here) - wanted)
        return Moves(stop=stop, again=tuple(at for at in again if at not in stop))
    old.sort(key=lambda at: places[at].born)
    if len(here) > wanted + 1:
        return Moves(stop=tuple(old[: len(here) - wanted - 1]), again=again)
    leaving = len(places) > len(here)
    if again or leaving or not all(places[at].fit for at in here if places[at].current):
        return Moves(again=again)
    if len(here) == wanted and room:
        return Moves(add=1)
    return Moves(stop=(old[0],))


def _starts_anew(place: Place) -> bool:
    """Is it not running, and for a reason that a new start takes away?"""
    return place.phase == "stopped" or (not place.current and place.phase in ("backoff", "failed", "completed"))


def _first_to_go(places: Sequence[Place], here: Sequence[int], count: int) -> tuple[int, ...]:
    """Those that answer nothing first, then the newest."""
    order = sorted(
        here, key=lambda at: (places[at].phase == "running", places[at].phase == "starting", -places[at].born)
    )
    return tuple(order[:count])

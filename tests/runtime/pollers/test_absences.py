"""Absences: how many looks may miss a device."""

from runtime.drivers.driver import Device
from runtime.pollers.absences import excused


def _device(*, online: bool = True, reason: str | None = None) -> Device:
    return Device(device_id="phone", name="Phone", kind="client", online=online, reason=reason)


def test_it_counts_as_online_until_it_was_missed_often_enough() -> None:
    known = {"phone": _device()}
    missed: dict[str, int] = {}
    taken = []
    for _ in range(3):
        present, missed = excused(known, {}, missed, 3)
        taken.append((list(present), missed))
    assert taken == [(["phone"], {"phone": 1}), (["phone"], {"phone": 2}), ([], {})]


def test_one_that_is_listed_as_offline_is_missed_as_well() -> None:
    away = {"phone": _device(online=False, reason="it sleeps")}
    present, missed = excused({"phone": _device()}, away, {}, 2)
    assert (present, missed) == ({"phone": _device()}, {"phone": 1})
    present, missed = excused(present, away, missed, 2)
    assert (present, missed) == (away, {})


def test_a_look_that_finds_it_forgives() -> None:
    present, missed = excused({"phone": _device()}, {"phone": _device()}, {"phone": 4}, 5)
    assert (present, missed) == ({"phone": _device()}, {})


def test_without_patience_nothing_is_excused() -> None:
    assert excused({"phone": _device()}, {}, {}, 1) == ({}, {})


def test_one_that_was_offline_before_stays_so() -> None:
    assert excused({"phone": _device(online=False)}, {}, {}, 5) == ({}, {})

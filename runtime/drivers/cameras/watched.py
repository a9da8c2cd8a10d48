"""Which cameras of a controller are watched, and for what, as its settings say."""

from collections.abc import Mapping

from catalog.provider import Target
from runtime.drivers.cameras.eye.job import Attention
from runtime.drivers.cameras.settings import Watching, watching_of
from runtime.drivers.opening import find_driver


def cameras_in(target: Target) -> Mapping[str, Watching]:
    """The cameras that its settings name, by id; none where it has no cameras, or its settings do not fit."""
    driver = find_driver(target.driver)
    if driver is None or driver.module != "cameras":
        return {}
    return watching_of(target.settings, driver.settings)


def attention_of(camera: Watching) -> Attention | None:
    """What an eye is to look out for; None: nothing."""
    if not (camera.motion or camera.person):
        return None
    return Attention(
        motion=camera.motion,
        person=camera.person,
        sensitivity=camera.sensitivity,
        zones=dict(camera.zones),
        min_interval_seconds=camera.min_interval_seconds,
        frames_per_second=camera.frames_per_second,
    )

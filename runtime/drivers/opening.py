"""Opening: from a controller to the Peer that its driver makes of it."""

import asyncio
import difflib
import importlib
import re
from collections.abc import Mapping
from typing import cast

import msgspec

from catalog.errors import Invalid, Unsupported
from catalog.jsonvalue import Json
from catalog.provider import Call, Ports, Target
from runtime.drivers import DRIVERS
from runtime.drivers.driver import Driver, Peer
from runtime.drivers.failures import named
from runtime.drivers.link import USUAL_SECONDS, Link

_BY_NAME: Mapping[str, Driver] = {each.name: each for each in DRIVERS}
_WHERE = re.compile(r" - at `\$\.?([^`]*)`\Z")


def find_driver(name: str) -> Driver | None:
    """The driver of that name."""
    return _BY_NAME.get(name)


def get_driver(name: str) -> Driver:
    """The driver of that name. Raises Invalid DRIVER_UNKNOWN with the nearest name."""
    driver = _BY_NAME.get(name)
    if driver is None:
        near = difflib.get_close_matches(name, _BY_NAME, 1)
        raise Invalid(
            "DRIVER_UNKNOWN",
            f"There is no driver `{name[:40]}`.",
            hint=f"Did you mean `{near[0]}`?" if near else "`fabric controllers drivers` lists them.",
        )
    return driver


def check_controller(name: str, settings: Mapping[str, Json], credentials: Mapping[str, str]) -> None:
    """Refuse what no driver could open. Raises Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS, CONTROLLER_CREDENTIALS."""
    driver = get_driver(name)
    _convert(settings, driver.settings, "settings", driver)
    _convert(credentials, driver.credentials, "credentials", driver)


def link_of(target: Target, ports: Ports, deadline: float) -> Link:
    """The controller as its driver is given it; `deadline` on the loop's clock, and never later than its own patience.

    `settings.timeout_seconds`, where a driver has it, is that patience. Raises Invalid as `check_controller`.
    """
    driver = get_driver(target.driver)
    settings = _convert(target.settings, driver.settings, "settings", driver)
    patience = getattr(settings, "timeout_seconds", USUAL_SECONDS)
    return Link(
        target=target,
        settings=settings,
        credentials=_convert(target.credentials, driver.credentials, "credentials", driver),
        ports=ports,
        deadline=min(deadline, asyncio.get_running_loop().time() + patience),
    )


def open_peer(link: Link) -> Peer:
    """The controller, opened. Raises Unsupported DRIVER_MISSING naming the extra to install."""
    driver = get_driver(link.target.driver)
    return _load(driver)(link)


def peer_of(call: Call, module: str) -> Peer:
    """The call's target, opened by a driver of that module.

    Raises Invalid DRIVER_UNFIT, and what `link_of` and `open_peer` raise.
    """
    target = call.target
    if target is None:
        raise ValueError(f"`{call.operation_id}` was called without its target")
    driver = get_driver(target.driver)
    if driver.module != module:
        fit = ", ".join(f"`{each.name}`" for each in DRIVERS if each.module == module)
        raise Invalid(
            "DRIVER_UNFIT",
            f"{named(target)} has the driver `{driver.name}`, which is none of `{module}`.",
            hint=f"Name a controller whose driver is one of {fit}.",
        )
    return open_peer(link_of(target, call.ports, call.deadline))


def _load(driver: Driver) -> type[Peer]:
    place, _, name = driver.code.partition(":")
    try:
        return cast(type[Peer], getattr(importlib.import_module(place), name))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in driver.needs:
            raise
        raise missing(driver) from None


def missing(driver: Driver) -> Unsupported:
    """The error for a driver whose client library is not installed."""
    return Unsupported(
        "DRIVER_MISSING",
        f"Driver `{driver.name}` needs a client library that is not installed.",
        hint=f'pip install "fabricksd[{driver.extra}]" and start the server again.',
    )


def _convert(given: Mapping[str, Json], to: type[msgspec.Struct], what: str, driver: Driver) -> msgspec.Struct:
    try:
        return msgspec.convert(dict(given), to)
    except msgspec.ValidationError as error:
        text = str(error)
        found = _WHERE.search(text)
        where = f"{what}.{found.group(1)}".rstrip(".") if found else what
        raise Invalid(
            f"CONTROLLER_{what.upper()}",
            f"`{where}` does not fit the driver `{driver.name}`: {_WHERE.sub('', text)}.",
            hint=f"See docs/modules/{driver.module}.md for what `{driver.name}` takes.",
        ) from None

"""Opening: from a controller to the Peer that its driver makes of it."""

import asyncio
import difflib
import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from typing import cast

from catalog.daemons import LOCAL_DAEMON
from catalog.errors import FabricError, Invalid, Unsupported
from catalog.jsonvalue import Json
from catalog.provider import Call, Ports, Target
from runtime.drivers import DRIVERS
from runtime.drivers.driver import Driver, NoCredentials, Patience, Peer
from runtime.drivers.failures import named
from runtime.drivers.fitting import fit
from runtime.drivers.link import USUAL_SECONDS, Link

KNOWN: dict[str, Driver] = {each.name: each for each in DRIVERS}
"""Every driver by its name."""


def find_driver(name: str) -> Driver | None:
    """The driver of that name."""
    return KNOWN.get(name)


def get_driver(name: str) -> Driver:
    """The driver of that name. Raises Invalid DRIVER_UNKNOWN with the nearest name."""
    driver = KNOWN.get(name)
    if driver is None:
        near = difflib.get_close_matches(name, KNOWN, 1)
        raise Invalid(
            "DRIVER_UNKNOWN",
            f"There is no driver `{name[:40]}`.",
            hint=f"Did you mean `{near[0]}`?" if near else "`fabric controllers drivers` lists them.",
        )
    return driver


def check_controller(name: str, settings: Mapping[str, Json], credentials: Mapping[str, str]) -> None:
    """Refuse what no driver could open. Raises Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS, CONTROLLER_CREDENTIALS."""
    check_settings(name, settings)
    check_credentials(name, credentials)


def check_settings(name: str, settings: Mapping[str, Json]) -> None:
    """Refuse settings that the driver does not take. Raises Invalid DRIVER_UNKNOWN, CONTROLLER_SETTINGS."""
    driver = get_driver(name)
    fit(settings, driver.settings, "settings", driver.name, driver.module)


def check_credentials(name: str, credentials: Mapping[str, str]) -> None:
    """Refuse credentials that the driver does not take. Raises Invalid DRIVER_UNKNOWN, CONTROLLER_CREDENTIALS."""
    driver = get_driver(name)
    fit(credentials, driver.credentials, "credentials", driver.name, driver.module)


def link_of(target: Target, ports: Ports, deadline: float) -> Link:
    """The controller as its driver is given it; `deadline` on the loop's clock, and never later than its own patience.

    `settings.timeout_seconds`, where a driver has it, is that patience. Raises Invalid as `check_controller`.
    """
    driver = get_driver(target.driver)
    # The daemon of this process is nowhere else, so that its controller has neither settings nor a key.
    settings_kind, credentials_kind = (
        (Patience, NoCredentials) if target.id == LOCAL_DAEMON else (driver.settings, driver.credentials)
    )
    settings = fit(target.settings, settings_kind, "settings", driver.name, driver.module)
    patience = getattr(settings, "timeout_seconds", USUAL_SECONDS)
    return Link(
        target=target,
        settings=settings,
        credentials=fit(target.credentials, credentials_kind, "credentials", driver.name, driver.module),
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
        fit_ones = ", ".join(f"`{each.name}`" for each in DRIVERS if each.module == module)
        raise Invalid(
            "DRIVER_UNFIT",
            f"{named(target)} has the driver `{driver.name}`, which is none of `{module}`.",
            hint=f"Name a controller whose driver is one of {fit_ones}.",
        )
    return open_peer(link_of(target, call.ports, call.deadline))


def installed(driver: Driver) -> bool:
    """Are the packages there that it needs? Imports none of them."""
    return all(importlib.util.find_spec(each) is not None for each in driver.needs)


def load_drivers(names: Iterable[str]) -> None:
    """Import the code of those of these drivers that can be. It blocks, a client library for half a second."""
    for name in sorted(set(names) & KNOWN.keys()):
        try:
            _load(KNOWN[name])
        except FabricError:
            # Whoever opens such a controller is told.
            continue


def _load(driver: Driver) -> type[Peer]:
    place, _, name = driver.code.partition(":")
    try:
        return cast(type[Peer], getattr(importlib.import_module(place), name))
    except ImportError as error:
        lacking = (error.name or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and lacking in driver.needs:
            raise missing(driver) from None
        if isinstance(error, ModuleNotFoundError) or not driver.needs or lacking == "runtime":
            raise
        raise _broken(driver, error) from None


def missing(driver: Driver) -> Unsupported:
    """The error for a driver whose client library is not installed."""
    return Unsupported(
        "DRIVER_MISSING",
        f"Driver `{driver.name}` needs a client library that is not installed.",
        hint=f'pip install "fabricksd[{driver.extra}]" and start the server again.',
    )


def _broken(driver: Driver, error: ImportError) -> Unsupported:
    """The library is there and one that it needs itself is not, such as a shared object of the system's."""
    return Unsupported(
        "DRIVER_MISSING",
        f"The client library of driver `{driver.name}` does not load: {str(error).rstrip('.')}.",
        hint=f"Install what it names, or the library anew: docs/modules/{driver.module}.md.",
    )

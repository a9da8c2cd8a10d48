"""From a controller to its Peer: what is there, what is missing, and who may open what."""

import asyncio
import importlib
import sys
from pathlib import Path

import msgspec
import pytest

from catalog.daemons import DRIVER, LOCAL_DAEMON
from catalog.errors import FabricError, Invalid, Unsupported
from catalog.provider import Target
from runtime.drivers import DRIVERS
from runtime.drivers.driver import Patience
from runtime.drivers.opening import installed, link_of, load_drivers, open_peer, peer_of
from tests.fakes.drivers import FAKE, FakePeer, FakeSettings, Login, fake_driver, known
from tests.fakes.ports import FakePorts

TARGET = Target(id="c", organisation_id="o", site_id="s", driver=FAKE, name="porch", settings={})
CALL = FakePorts().call("fakes.read", target=TARGET)


async def test_a_controller_is_opened_with_its_settings_and_credentials() -> None:
    target = msgspec.structs.replace(
        TARGET, settings={"address": "there", "timeout_seconds": 3}, credentials={"username": "u", "password": "p"}
    )
    with known(fake_driver(credentials=Login)) as script:
        peer = peer_of(FakePorts().call("fakes.read", target=target), "fakes")
        assert isinstance(peer, FakePeer)
        (link,) = script.links
    assert link.settings == FakeSettings(address="there", timeout_seconds=3)
    assert link.credentials == Login(username="u", password="p")
    assert 2.9 < link.seconds <= 3


async def test_a_call_never_has_longer_than_its_own_deadline() -> None:
    with known(fake_driver()):
        link = link_of(TARGET, CALL.ports, asyncio.get_running_loop().time() + 0.5)
        late = link_of(TARGET, CALL.ports, asyncio.get_running_loop().time() - 1)
    assert 0.4 < link.seconds <= 0.5
    assert late.seconds == 0.0


async def test_a_controller_of_another_module_is_refused_with_the_drivers_that_fit() -> None:
    call = FakePorts().call("daemon.info", target=TARGET)
    with known(fake_driver()), pytest.raises(Invalid) as refused:
        peer_of(call, "daemon")
    assert refused.value.code == "DRIVER_UNFIT"
    assert "`porch`" in refused.value.message
    assert f"`{DRIVER}`" in (refused.value.hint or "")


async def test_settings_that_no_longer_fit_are_refused_and_not_a_crash() -> None:
    target = msgspec.structs.replace(TARGET, settings={"gone": 1})
    with known(fake_driver()), pytest.raises(Invalid) as refused:
        link_of(target, CALL.ports, float("inf"))
    assert refused.value.code == "CONTROLLER_SETTINGS"


async def test_a_library_that_is_not_installed_is_named_by_its_extra() -> None:
    driver = fake_driver(code="tests.runtime.drivers.lacking:Peer", extra="libvirt", needs=("no_such_library",))
    with known(driver):
        assert not installed(driver)
        with pytest.raises(Unsupported) as refused:
            open_peer(link_of(TARGET, CALL.ports, float("inf")))
    assert refused.value.code == "DRIVER_MISSING"
    assert 'pip install "fabricksd[libvirt]"' in (refused.value.hint or "")


@pytest.fixture
def broken_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is there, whose shared object is not."""
    text = "raise ImportError('libvirt.so.0: cannot open shared object file', name='no_such_library')\n"
    (tmp_path / "no_such_library.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("tests.runtime.drivers.lacking", None)


@pytest.mark.usefixtures("broken_library")
async def test_a_library_that_does_not_load_says_what_it_lacks() -> None:
    driver = fake_driver(code="tests.runtime.drivers.lacking:Peer", extra="libvirt", needs=("no_such_library",))
    with known(driver):
        assert installed(driver)
        with pytest.raises(Unsupported) as refused:
            open_peer(link_of(TARGET, CALL.ports, float("inf")))
        load_drivers([FAKE, "unheard-of"])
    assert refused.value.code == "DRIVER_MISSING"
    assert "libvirt.so.0" in refused.value.message


@pytest.mark.parametrize("needs", [(), ("something_else",)])
async def test_a_module_of_ours_that_is_not_there_is_a_bug(needs: tuple[str, ...]) -> None:
    with known(fake_driver(code="runtime.drivers.nowhere:Peer", needs=needs)), pytest.raises(ModuleNotFoundError):
        open_peer(link_of(TARGET, CALL.ports, float("inf")))


async def test_the_daemon_of_this_process_needs_no_settings() -> None:
    target = Target(id=LOCAL_DAEMON, organisation_id="o", site_id="s", driver=DRIVER, settings={})
    link = link_of(target, CALL.ports, float("inf"))
    assert isinstance(link.settings, Patience)
    (check,) = await open_peer(link).check()
    assert (check.ok, check.code) == (False, "SERVICES_UNAVAILABLE")
    elsewhere = msgspec.structs.replace(target, id="c")
    with pytest.raises(FabricError) as refused:
        link_of(elsewhere, CALL.ports, float("inf"))
    assert refused.value.code == "CONTROLLER_SETTINGS"


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda each: each.name)
def test_every_driver_is_what_it_says(driver: object) -> None:
    assert isinstance(driver, type(DRIVERS[0]))
    assert sum(each.name == driver.name for each in DRIVERS) == 1, "two drivers of one name"
    assert (driver.extra is None) == (not driver.needs), "an extra is for those that need a library"
    for info in msgspec.inspect.type_info(driver.credentials).fields:  # type: ignore[attr-defined] # a struct's
        kind = info.type.types[0] if isinstance(info.type, msgspec.inspect.UnionType) else info.type
        while isinstance(kind, msgspec.inspect.Metadata):
            kind = kind.type
        assert isinstance(kind, msgspec.inspect.StrType | msgspec.inspect.LiteralType), f"`{info.name}` is no text"
    if installed(driver):
        place, _, name = driver.code.partition(":")
        code = getattr(importlib.import_module(place), name)
        assert callable(code.check)
        assert callable(code.devices)

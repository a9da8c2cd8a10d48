"""What a person writes for a controller fits its driver, or is refused with its place and what was meant."""

from typing import Literal

import pytest

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.drivers.driver import Patience
from runtime.drivers.opening import check_controller
from tests.fakes.drivers import FAKE, FakeSettings, Login, fake_driver, known


class Camera(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of many."""

    snapshot_url: str


class Cameras(Patience, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many."""

    cameras: dict[str, Camera]
    order: tuple[Camera | None, ...] = ()


@pytest.mark.parametrize("address", ["sip:10.0.0.5", "10.0.0.5:161", "a b", "[::1]", "nas/x", "u@nas", "", "nas#"])
@pytest.mark.parametrize(("driver", "credentials"), [("sip", {}), ("snmp", {"community": "c"})])
def test_an_address_that_is_no_host_is_refused_at_once(address: str, driver: str, credentials: Json) -> None:
    with pytest.raises(Invalid) as refused:
        check_controller(driver, {"address": address}, credentials)
    assert refused.value.code == "CONTROLLER_SETTINGS"
    for fine in ("nas", "pbx.example.org", "10.0.0.5", "2001:db8::1", "::1"):
        check_controller(driver, {"address": fine}, credentials)


def test_what_was_meant_as_text_or_as_json_is_said() -> None:
    with known(fake_driver()):
        assert "`--setting 'address=\"…\"'`" in str(refusal({"address": 7}).hint)
        assert "lacks a quote or a bracket" in str(refusal({"address": "x", "ports": "{"}).hint)


def refusal(settings: Json, credentials: Json = None) -> Invalid:
    with pytest.raises(Invalid) as refused:
        check_controller(FAKE, settings, credentials or {})
    return refused.value


@pytest.mark.parametrize(
    ("settings", "place", "meant"),
    [
        ({"adress": "x"}, "settings.adress", "address"),
        ({"timeout_second": 3}, "settings.timeout_second", "timeout_seconds"),
        ({"zzz": 1}, "settings.zzz", None),
        ({"address": 7}, "settings.address", None),
        ({"ports": {"a": "x"}}, "settings.ports[...]", None),
        ({"timeout_seconds": 0}, "settings.timeout_seconds", None),
        ({"timeout_seconds": 121}, "settings.timeout_seconds", None),
        ({"poll_seconds": -1}, "settings.poll_seconds", None),
        ({"poll_seconds": True}, "settings.poll_seconds", None),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_with_its_place(settings: Json, place: str, meant: str | None) -> None:
    with known(fake_driver()):
        error = refusal(settings)
    assert error.code == "CONTROLLER_SETTINGS"
    assert f"`{place}` does not fit the driver `fake`" in error.message
    assert error.hint is not None
    assert (error.hint == f"Did you mean `{meant}`?") if meant else ("fabric controllers drivers fake" in error.hint)


@pytest.mark.parametrize(
    ("settings", "place", "meant"),
    [
        ({"cameras": {"porch": {"snapshot_uri": "x"}}}, "settings.cameras[...].snapshot_uri", "snapshot_url"),
        ({"cameras": {}, "order": [{"snap_url": "x"}]}, "settings.order[0].snap_url", "snapshot_url"),
        ({"camera": {}}, "settings.camera", "cameras"),
        ({"cameras": {"porch": {}}}, "settings.cameras[...]", None),
        ({}, "settings", None),
    ],
)
def test_a_nested_setting_is_named_by_its_path_and_the_nearest_name_there(
    settings: Json, place: str, meant: str | None
) -> None:
    with known(fake_driver(settings=Cameras)):
        error = refusal(settings)
    assert f"`{place}`" in error.message
    assert (error.hint == f"Did you mean `{meant}`?") is (meant is not None)


def test_a_credential_that_does_not_fit_is_refused_and_not_shown() -> None:
    with known(fake_driver(credentials=Login)):
        unknown = refusal({}, {"usrname": "hunter2-a", "password": "hunter2-b"})
        missing = refusal({}, {"username": "hunter2-a"})
    assert (unknown.code, unknown.hint) == ("CONTROLLER_CREDENTIALS", "Did you mean `username`?")
    assert "missing required field `password`" in missing.message
    assert "hunter2" not in f"{unknown.message}{unknown.hint}{missing.message}{missing.hint}"


def test_a_value_in_the_wrong_place_is_not_repeated() -> None:
    with known(fake_driver(settings=_kinds())):
        error = refusal({"kind": "hunter2"})
    assert "hunter2" not in error.message
    assert "none of the values" in error.message


def _kinds() -> type[FakeSettings]:
    class Kinds(FakeSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
        kind: Literal["a", "b"] = "a"

    return Kinds


def test_what_fits_is_let_in() -> None:
    with known(fake_driver(credentials=Login)):
        settings: Json = {"address": "a", "ports": {"x": 1}, "timeout_seconds": 120, "poll_seconds": 0}
        check_controller(FAKE, settings, {"username": "u", "password": "p"})


def test_an_unknown_driver_is_answered_with_the_nearest() -> None:
    with known(fake_driver()), pytest.raises(Invalid) as refused:
        check_controller("fabrickd", {}, {})
    assert (refused.value.code, refused.value.hint) == ("DRIVER_UNKNOWN", "Did you mean `fabricksd`?")
    with pytest.raises(Invalid) as refused:
        check_controller(FAKE, {}, {})
    assert refused.value.code == "DRIVER_UNKNOWN"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "give one of"),
        ({"socket": "/run/x.sock", "address": "http://x"}, "give one of"),
        ({"socket": "x.sock"}, "no absolute path"),
        ({"socket": "/x\0y"}, "no absolute path"),
        ({"address": "x"}, "`settings.address`"),
    ],
)
def test_a_daemons_controller_says_where_it_is_once(settings: Json, says: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_controller("fabricksd", settings, {})
    assert says in refused.value.message
    check_controller("fabricksd", {"socket": "/run/x.sock"}, {})
    check_controller("fabricksd", {"address": "https://x"}, {"api_key": "k"})

"""Operations: how a module declares them, and what is refused at registration."""

from typing import Any

import msgspec
import pytest

from catalog.appliers import Appliers
from catalog.changes import Change
from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.operations import STAGED_SCHEMA, Operation, OperationSet, Read, Tier, check_operation


class _Picture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    camera_id: str


class _Taken(msgspec.Struct, frozen=True):
    size: int
    note: str = ""


def _cameras() -> OperationSet:
    operations = OperationSet("cameras")

    @operations.read("snapshot", permission="cameras.view", produces=["image/jpeg"])
    async def snapshot(picture: _Picture, call: Any) -> _Taken:
        """Take a still picture
        from a camera.

        It becomes the artifact.
        """
        return _Taken(len(picture.camera_id))

    @operations.write("reboot", permission="cameras.manage")
    class Reboot:
        """Restart a camera."""

        async def plan(self, picture: _Picture, call: Any) -> Change:
            return Change(target_id=picture.camera_id, request={})

        async def observe(self, change: Change, call: Any) -> Json:
            return None

        async def apply(self, change: Change, call: Any) -> Any:
            return {}

    operations.declare("later", permission="cameras.view", params=_Picture, output=_Taken)
    return operations


def test_a_read_is_described_by_its_signature_and_docstring() -> None:
    snapshot = next(iter(_cameras()))
    assert (snapshot.id, snapshot.title) == ("cameras.snapshot", "Take a still picture from a camera")
    assert (snapshot.description, snapshot.module) == ("It becomes the artifact.", "cameras")
    assert (snapshot.permission, snapshot.produces, snapshot.write) == ("cameras.view", ("image/jpeg",), False)
    assert snapshot.input_schema["required"] == ["camera_id"]
    assert snapshot.output_schema["required"] == ["size", "note"]


def test_a_write_answers_what_was_staged() -> None:
    reboot = list(_cameras())[1]
    assert reboot.write
    assert reboot.output_schema == STAGED_SCHEMA


def test_what_comes_later_says_so() -> None:
    operations = _cameras()
    later = list(operations)[2]
    assert later.driver_missing
    assert operations.code("cameras.later") is None
    assert isinstance(operations.code("cameras.snapshot"), Read)


def test_an_operation_is_declared_once() -> None:
    operations = _cameras()
    with pytest.raises(FabricError) as caught:
        operations.declare("snapshot", permission="cameras.view", params=_Picture)
    assert caught.value.code == "OP_DUPLICATE"


@pytest.mark.parametrize(
    ("name", "tier", "code"),
    [
        ("cameras", Tier.NATIVE, "OP_ID"),
        ("cameras.snapshot\n", Tier.NATIVE, "OP_ID"),
        ("cameras..snapshot", Tier.NATIVE, "OP_ID"),
        ("Cameras.snapshot", Tier.NATIVE, "OP_ID"),
        ("plugin.x.y", Tier.NATIVE, "OP_NAMESPACE"),
        ("cameras.snapshot", Tier.PLUGIN, "OP_NAMESPACE"),
    ],
)
def test_ids_are_anchored_and_namespaces_guarded(name: str, tier: Tier, code: str) -> None:
    with pytest.raises(FabricError) as caught:
        check_operation(Operation(id=name, title="X", tier=tier))
    assert caught.value.code == code


@pytest.mark.promise("W7")
def test_a_plugins_write_is_refused_at_registration() -> None:
    with pytest.raises(FabricError) as caught:
        check_operation(Operation(id="plugin.x.set", title="X", tier=Tier.PLUGIN, write=True))
    assert caught.value.code == "PLUGIN_WRITE_FORBIDDEN"


class _Provider:
    def __init__(self) -> None:
        self.set = _cameras()

    def operations(self) -> list[Operation]:
        return list(self.set)

    def events(self) -> list[Any]:
        return []

    def code(self, operation_id: str) -> Any:
        return self.set.code(operation_id)


def test_only_writes_have_an_applier() -> None:
    appliers = Appliers([_Provider()])
    assert hasattr(appliers.get("cameras.reboot"), "apply")
    for name in ("cameras.snapshot", "cameras.later", "nobody.knows"):
        with pytest.raises(FabricError) as caught:
            appliers.get(name)
        assert caught.value.code == "DRIVER_MISSING"


@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
def test_a_plugins_schema_that_is_none_is_refused_with_its_name(field: str) -> None:
    sound = Operation(id="plugin.weather.read", title="t", tier=Tier.PLUGIN)
    check_operation(sound)
    with pytest.raises(FabricError, match=r"plugin\.weather\.read") as caught:
        check_operation(msgspec.structs.replace(sound, **{field: {"type": "nonsense"}}))
    assert caught.value.code == "SCHEMA_INVALID"

"""Catalog, registry and catalog files: one immutable value, rebuilt when it is stale, the same after export."""

from collections.abc import Iterable

import pytest

from catalog.catalog import Catalog
from catalog.errors import FabricError
from catalog.events import EventSpec, parse_pattern
from catalog.files import export_catalog, load_catalog
from catalog.operations import Operation, Read, Tier, WriteEntry
from catalog.registry import FRESHNESS_SECONDS, Registry
from runtime.providers import NATIVE

_LOG = Operation(id="fabric.log", title="Log")
_HOOK = Operation(id="fabric.webhook", title="Hook")
_STOP = Operation(id="vm.stop", title="Stop", write=True, permission="vm.manage")
_LATER = Operation(id="vm.later", title="Later", permission="vm.view", driver_missing=True)
_PLUGIN = Operation(id="plugin.x.read", title="Read", tier=Tier.PLUGIN, permission="plugin.x")
_MOTION = EventSpec(event_type="cameras.event.motion", title="Motion")
_PERSON = EventSpec(event_type="cameras.event.person", title="Person")
_CATALOG = Catalog((_LOG, _HOOK, _STOP, _LATER, _PLUGIN), (_MOTION, _PERSON))


def test_get_raises_with_the_nearest_name_and_find_answers_none() -> None:
    assert _CATALOG.get_operation("fabric.log") is _LOG
    assert _CATALOG.find_operation("fabric.logg") is None
    with pytest.raises(FabricError) as caught:
        _CATALOG.get_operation("fabric.logg")
    assert (caught.value.code, caught.value.hint) == ("OP_UNKNOWN", "Did you mean `fabric.log`?")
    assert _CATALOG.find_event("nope") is None
    assert _CATALOG.nearest_event("cameras.event.motoin") == "cameras.event.motion"


def test_patterns_find_their_events() -> None:
    assert _CATALOG.matching(parse_pattern("cameras.event.*")) == (_MOTION, _PERSON)
    assert _CATALOG.matching(parse_pattern("cameras.event.motion")) == (_MOTION,)
    assert _CATALOG.matching(parse_pattern("a.b")) == ()


def test_the_snapshot_counts_what_it_lists() -> None:
    counts = _CATALOG.snapshot["counts"]
    assert counts["operations"] == len(_CATALOG.snapshot["operations"]) == 5
    assert counts["events"] == 2
    assert (counts["native"], counts["plugin"]) == ({"operations": 4, "events": 2}, {"operations": 1, "events": 0})
    assert counts["writes"] == 1


def test_an_assistant_never_sees_the_webhook_nor_what_has_no_driver() -> None:
    assert [each["operation_id"] for each in _CATALOG.ai_tools] == ["fabric.log", "vm.stop", "plugin.x.read"]
    assert [op.id for op in _CATALOG.tools.values()] == ["fabric.log", "plugin.x.read", "vm.stop"]


def test_nothing_is_declared_twice() -> None:
    with pytest.raises(FabricError) as caught:
        Catalog((_LOG, _LOG), ())
    assert caught.value.code == "CATALOG_DUPLICATE"


@pytest.mark.promise("W7")
def test_a_catalog_with_a_plugins_write_cannot_be_built() -> None:
    with pytest.raises(FabricError) as caught:
        Catalog((Operation(id="plugin.x.set", title="Set", tier=Tier.PLUGIN, write=True),), ())
    assert caught.value.code == "PLUGIN_WRITE_FORBIDDEN"


def test_a_file_gives_the_same_catalog() -> None:
    native = Registry(NATIVE).current()
    content = export_catalog(native)
    assert content.endswith(b"\n")
    assert export_catalog(load_catalog(content)) == content
    for content in (b"", b"{}", b'{"operations": [{"id": "a.b"}], "events": []}', b"\xff"):
        with pytest.raises(FabricError) as caught:
            load_catalog(content)
        assert caught.value.code == "CATALOG_FILE"


class _Changing:
    def __init__(self) -> None:
        self.offers: list[Operation] = [_LOG]

    def operations(self) -> Iterable[Operation]:
        return self.offers

    def events(self) -> Iterable[EventSpec]:
        return ()

    def code(self, operation_id: str) -> Read | WriteEntry | None:
        return None


def test_a_provider_that_comes_or_goes_shows_within_three_seconds() -> None:
    now, provider = [0.0], _Changing()
    registry = Registry([provider], clock=lambda: now[0])
    first = registry.current()
    provider.offers = [_LOG, _STOP]
    now[0] += FRESHNESS_SECONDS - 0.1
    assert registry.current() is first
    now[0] += 0.1
    assert set(registry.current().operations) == {"fabric.log", "vm.stop"}


def test_the_catalog_stays_the_same_object_while_nothing_changes() -> None:
    now = [0.0]
    registry = Registry([_Changing()], clock=lambda: now[0])
    first = registry.current()
    now[0] += 60
    assert registry.current() is first


def test_what_has_no_code_says_so_and_what_is_unknown_is_not_found() -> None:
    registry = Registry([_Changing()])
    registry.current()
    assert registry.find_code("fabric.log") is None
    for name, code in (("fabric.log", "DRIVER_MISSING"), ("fabric.nope", "OP_UNKNOWN")):
        with pytest.raises(FabricError) as caught:
            registry.get_code(name)
        assert caught.value.code == code


def test_code_leaves_the_registry_without_its_way_out() -> None:
    registry = Registry(NATIVE)
    registry.current()
    code = registry.get_code("storage.store_blob")
    assert not hasattr(code, "provider")
    assert not hasattr(code, "apply")

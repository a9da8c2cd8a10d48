"""Operations carried out on a real daemon in this process, as the engine would: typed, checked, planned, applied."""

from collections.abc import Mapping

import msgspec

from catalog.appliers import Appliers
from catalog.changes import Change
from catalog.daemons import DRIVER, LOCAL_DAEMON
from catalog.jsonvalue import Json, canonical
from catalog.operations import Read, Write
from catalog.provider import Call, Target
from catalog.registry import Registry
from catalog.schemas import converter, validator
from runtime.providers import NATIVE
from tests.api.daemon.hosted import Hosted
from tests.fakes.ports import FakePorts

REGISTRY = Registry(NATIVE)
APPLIERS = Appliers(NATIVE)
LOCAL = Target(id=LOCAL_DAEMON, organisation_id="org-1", site_id="site-1", driver=DRIVER, settings={})


class Operator:
    """Reads and writes at one daemon; what goes in and out must fit the catalog's schemas."""

    def __init__(self, daemon: Hosted) -> None:
        self._daemon = daemon
        self._ports = FakePorts(daemon=daemon.hosting.inside)
        self._catalog = REGISTRY.current()

    def read(self, operation_id: str, **params: Json) -> Json:
        """What a read gives."""
        code, typed = self._prepared(operation_id, params)
        assert isinstance(code, Read)
        output = msgspec.to_builtins(self._daemon.run(code.handler(typed, self._call(operation_id))))  # type: ignore[arg-type]
        schema = self._catalog.operations[operation_id].output_schema
        assert validator(schema)(output), (schema, output)
        return output

    def plan(self, operation_id: str, **params: Json) -> Change:
        """What a write would do."""
        code, typed = self._prepared(operation_id, params)
        assert isinstance(code, Write)
        change: Change = self._daemon.run(code.plan(typed, self._call(operation_id)))  # type: ignore[arg-type]
        # It is stored between planning and applying.
        return msgspec.json.decode(msgspec.json.encode(change), type=Change)

    def drifted(self, operation_id: str, change: Change) -> bool:
        """Has what it rests on moved?"""
        found = self._daemon.run(self._applier(operation_id).observe(change, self._call(operation_id)))
        return canonical(found) != canonical(change.precondition)

    def apply(self, operation_id: str, change: Change) -> Json:
        """Carry it out; its outcome."""
        assert not self.drifted(operation_id, change)
        applier = self._applier(operation_id)
        return msgspec.to_builtins(self._daemon.run(applier.apply(change, self._call(operation_id))))

    def _applier(self, operation_id: str) -> Json:
        return APPLIERS.get(operation_id)

    def _prepared(self, operation_id: str, params: Mapping[str, Json]) -> tuple[Read | Write, Json]:
        given = {"controller_id": LOCAL_DAEMON, **params}
        schema = self._catalog.operations[operation_id].input_schema
        assert validator(schema)(given), (schema, given)
        code = REGISTRY.get_code(operation_id)
        return code, converter(code.params)(given)

    def _call(self, operation_id: str) -> Call:
        return self._ports.call(operation_id, target=LOCAL, change_id="change-1")

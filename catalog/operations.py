"""Operation: something the platform can do. OperationSet: how a module declares its own."""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import Any, Protocol, TypeVar, get_type_hints

import msgspec

from catalog.changes import Change
from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.schemas import output_schema_of, schema_of, validator

_ID = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)+\Z")
PLUGIN_PREFIX = "plugin."

STAGED_SCHEMA: Json = {
    "type": "object",
    "properties": {
        "staged": {"type": "boolean"},
        "change_id": {"type": "string"},
        "feature": {"type": "string"},
    },
    "required": ["staged", "change_id", "feature"],
    "additionalProperties": False,
}
"""What every write step's output looks like: the seed's `{staged, change_id, feature}`."""


class Tier(StrEnum):
    """The trust model: native code of ours, or a plugin's."""

    NATIVE = "native"
    PLUGIN = "plugin"


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A catalog entry. Pure data: it can be exported, loaded and compiled against without its code.

    `permission` None marks a sink that any author may use. `accepts` and `produces` are media types of the
    artifact it takes and gives. `driver_missing` says that it is declared but nothing here carries it out.
    """

    id: str
    title: str
    tier: Tier = Tier.NATIVE
    write: bool = False
    permission: str | None = None
    description: str = ""
    input_schema: Json = msgspec.field(default_factory=dict)
    output_schema: Json = msgspec.field(default_factory=dict)
    accepts: tuple[str, ...] = ()
    produces: tuple[str, ...] = ()
    ai: bool = True
    driver_missing: bool = False

    @property
    def module(self) -> str:
        """The namespace before the last dot: `hypervisor.vm` of `hypervisor.vm.stop`."""
        return self.id.rpartition(".")[0]


def check_operation(operation: Operation) -> None:
    """Refuse an Operation whose id is malformed or outside its tier's namespace, and every plugin write.

    A plugin's schemas are checked as well; ours are made from types. Raises Invalid: OP_ID, OP_NAMESPACE,
    PLUGIN_WRITE_FORBIDDEN or SCHEMA_INVALID.
    """
    check_namespace(operation.id, operation.tier, kind="OP")
    if operation.tier is Tier.PLUGIN and operation.write:
        raise Invalid(
            "PLUGIN_WRITE_FORBIDDEN",
            f"Plugin operation `{operation.id}` declares a write.",
            hint="Only native operations may write.",
        )
    if operation.tier is Tier.PLUGIN:
        check_schemas(operation.id, operation.input_schema, operation.output_schema)


def check_schemas(name: str, *schemas: Json) -> None:
    """Refuse what is no JSON Schema. Raises Invalid SCHEMA_INVALID naming `name`."""
    for schema in schemas:
        try:
            validator(schema)
        except Invalid as error:
            raise Invalid(error.code, f"A schema of `{name}` is not a JSON Schema.", hint=error.hint) from None


def check_namespace(name: str, tier: Tier, *, kind: str) -> None:
    """Refuse an id that is malformed or in the other tier's namespace. Raises Invalid: {kind}_ID, {kind}_NAMESPACE."""
    if not _ID.match(name):
        raise Invalid(f"{kind}_ID", f"`{name}` is not a valid id.", hint="Use lower-case segments joined by dots.")
    plugin_shaped = name.startswith(PLUGIN_PREFIX)
    if tier is Tier.NATIVE and plugin_shaped:
        raise Invalid(f"{kind}_NAMESPACE", f"Native id `{name}` lies in the plugin namespace.")
    if tier is Tier.PLUGIN and (not plugin_shaped or name.count(".") < 2):
        raise Invalid(f"{kind}_NAMESPACE", f"Plugin id `{name}` lies outside `plugin.{{id}}.*`.")


Handler = Callable[[Any, Any], Awaitable[Any]]

APPLY_SECONDS = 60.0
"""How long a target may take to be read again and written to, unless the write says that it takes longer."""


class WriteProvider(Protocol):
    """What a write is made of: `plan` says what would be sent, `observe` reads what it rests on, `apply` sends it."""

    async def plan(self, params: Any, call: Any) -> Change:
        """The change these parameters would make; reads, never writes."""
        ...

    async def observe(self, change: Change, call: Any) -> Json:
        """The present value of what `change.precondition` held when it was planned."""
        ...

    async def apply(self, change: Change, call: Any) -> Any:
        """Send exactly `change.request`; `call.change_id` is the idempotency key."""
        ...


C = TypeVar("C", bound=WriteProvider)


class Read(msgspec.Struct, frozen=True):
    """A read's code: the typed parameters and the handler that answers them; `plain`: with JSON as it is."""

    params: type
    handler: Handler
    gives_artifact: bool = False
    plain: bool = False


class Write(msgspec.Struct, frozen=True):
    """A write's code as the engine's staging may know it: it can plan, and nothing else."""

    params: type
    plan: Handler


class OperationSet:
    """One module's operations and their code, in the order they were declared."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._entries: dict[str, tuple[Operation, Read | WriteEntry | None]] = {}

    def read(self, name: str, *, permission: str | None, **facts: Any) -> Callable[[Handler], Handler]:
        """Declare a read: decorate `async def name(params, call) -> Output`. `facts` are Operation's other fields."""

        def declare(handler: Handler) -> Handler:
            params, output = _signature(handler)
            operation = self._describe(name, handler, params, permission, facts, output_schema=output_schema_of(output))
            fields = getattr(output, "__struct_fields__", ())
            self._add(operation, Read(params, handler, "artifact" in fields))
            return handler

        return declare

    def write(
        self, name: str, *, permission: str, seconds: float = APPLY_SECONDS, **facts: Any
    ) -> Callable[[type[C]], type[C]]:
        """Declare a write: decorate a class with `plan`, `observe` and `apply`, which have `seconds` together."""

        def declare(provider: type[C]) -> type[C]:
            params, _ = _signature(provider.plan)
            operation = self._describe(
                name, provider, params, permission, {**facts, "write": True}, output_schema=STAGED_SCHEMA
            )
            self._add(operation, WriteEntry(params, provider(), seconds))
            return provider

        return declare

    def declare(self, name: str, *, permission: str, params: type, output: type | None = None, **facts: Any) -> None:
        """Declare an operation whose driver comes later: in the catalog, type-checked, and answering DRIVER_MISSING."""
        schema = output_schema_of(output) if output is not None else STAGED_SCHEMA
        described = {**facts, "driver_missing": True}
        self._add(self._describe(name, params, params, permission, described, output_schema=schema), None)

    def __iter__(self) -> Iterator[Operation]:
        return (operation for operation, _ in self._entries.values())

    def code(self, operation_id: str) -> "Read | WriteEntry | None":
        """The code behind an operation of this set, None where its driver is missing."""
        entry = self._entries.get(operation_id)
        return entry[1] if entry else None

    def _describe(
        self, name: str, source: Any, params: type, permission: str | None, facts: Any, *, output_schema: Json
    ) -> Operation:
        text = inspect.getdoc(source) or ""
        title, _, rest = text.partition("\n\n")
        facts = {**facts}
        for media in ("accepts", "produces"):
            facts[media] = tuple(facts.get(media, ()))
        facts.setdefault("title", " ".join(title.split()).rstrip("."))
        facts.setdefault("description", rest.strip())
        return Operation(
            id=f"{self.module}.{name}",
            permission=permission,
            input_schema=schema_of(params),
            output_schema=output_schema,
            **facts,
        )

    def _add(self, operation: Operation, code: "Read | WriteEntry | None") -> None:
        check_operation(operation)
        if operation.id in self._entries:
            raise Invalid("OP_DUPLICATE", f"Operation `{operation.id}` is declared twice.")
        self._entries[operation.id] = (operation, code)


class WriteEntry(msgspec.Struct, frozen=True):
    """A write's whole code. Only `catalog.appliers` hands out more of it than `plan`."""

    params: type
    provider: WriteProvider
    seconds: float = APPLY_SECONDS


def _signature(function: Any) -> tuple[type, type]:
    hints = get_type_hints(function)
    output = hints.pop("return", dict)
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    return hints[names[0]], output

"""Functions that a component exports itself, by its WIT: found by type, called with JSON.

Functions of the world are called by their names, those of an exported interface `acme:fares/quotes@1.0.0` as
`quotes.NAME`. What WASI's own interfaces export, or one without a package, which is a tool's, is none of the service's.
"""

from collections.abc import Iterator

import msgspec
import wasmtime
from wasmtime import component as wit

from catalog.jsonvalue import Json
from runtime.wasm.guest.component_types import NoJson, Shape, complete, object_schema, shape_of
from runtime.wasm.launch import FUNCTIONS_PATH
from runtime.wasm.messages import GuestRequest, encode_answer

_PREFIX = FUNCTIONS_PATH.encode()
_OURS = "wasi:"
_REFUSED = 422


class TypedFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function. Where its result is a `result`, `either` is its shape: an error is refused, with what it says.

    `interface` is the name under which the component exports it, None for the world's own.
    """

    name: str
    interface: str | None
    export: str
    parameters: dict[str, Shape]
    output: Shape | None
    either: Shape | None = None

    @property
    def input_schema(self) -> Json:
        """What it takes, by name."""
        return object_schema(self.parameters)

    @property
    def output_schema(self) -> Json:
        """What it gives; nothing is null."""
        return {"type": "null"} if self.output is None else complete(self.output.schema)

    def find(self, store: wasmtime.Store, instance: wit.Instance) -> wit.Func | None:
        """It, in this instance."""
        within = None if self.interface is None else instance.get_export_index(store, self.interface)
        index = instance.get_export_index(store, self.export, within)
        return None if index is None else instance.get_func(store, index)

    def call(self, store: wasmtime.Store, function: wit.Func, body: bytes) -> bytes:
        """The answer to these parameters, as a message. Raises wasmtime.Trap and WasmtimeError."""
        try:
            given = msgspec.json.decode(body or b"{}", type=dict[str, Json])
            values = [
                shape.lower(given.get(name) if shape.optional else given[name])
                for name, shape in self.parameters.items()
            ]
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            return encode_answer(400, [], f"the parameters do not fit: {error}".encode())
        value = function(store, *values)
        function.post_return(store)
        return self._answer(value)

    def _answer(self, value: object) -> bytes:
        if self.either is None:
            return encode_answer(200, [], _json(None if self.output is None else self.output.lift(value)))
        ((side, inner),) = self.either.lift(value).items()
        if side == "ok":
            return encode_answer(200, [], _json(inner))
        return encode_answer(_REFUSED, [], inner.encode() if isinstance(inner, str) else _json(inner))


def typed_functions(engine: wasmtime.Engine, component: wit.Component) -> Iterator[TypedFunction]:
    """What a component exports that has JSON, each name once."""
    seen: set[str] = set()
    for name, item in component.type.exports(engine).items():
        within, lead = None, ""
        inside: dict[str, object] = {name: item.ty}
        if isinstance(item.ty, wit.ComponentInstanceType):
            if ":" not in name or name.startswith(_OURS):
                continue
            inside = {each: found.ty for each, found in item.ty.exports(engine).items()}
            within, lead = name, f"{name.partition('@')[0].rpartition('/')[2]}."
        for export, kind in inside.items():
            if isinstance(kind, wit.FuncType) and not export.startswith("[") and f"{lead}{export}" not in seen:
                typed = _typed(f"{lead}{export}", within, export, kind)
                if typed is not None:
                    seen.add(typed.name)
                    yield typed


def wanted_function(request: GuestRequest) -> str | None:
    """The function that a request asks for."""
    path = request.path
    return path[len(_PREFIX) :].decode("ascii", "replace") if path.startswith(_PREFIX) else None


def _typed(name: str, interface: str | None, export: str, kind: wit.FuncType) -> TypedFunction | None:
    result = kind.result
    try:
        parameters = {each: shape_of(inner) for each, inner in kind.params}
        if not isinstance(result, wit.ResultType):
            output = None if result is None else shape_of(result)
            return TypedFunction(name=name, interface=interface, export=export, parameters=parameters, output=output)
        return TypedFunction(
            name=name,
            interface=interface,
            export=export,
            parameters=parameters,
            output=None if result.ok is None else shape_of(result.ok),
            either=shape_of(result),
        )
    except NoJson:
        return None


def _json(value: Json) -> bytes:
    return msgspec.json.encode(value)

"""An exported function as an operation of the catalog: its id, its schemas, what is refused."""

from catalog.errors import Conflict, FabricError, Invalid
from catalog.operations import Operation
from runtime.providers.service_functions.source import Offer
from runtime.wasm.launch import FUNCTIONS_PATH
from runtime.wasm.modules.function_section import NAME, Function, check_function

PREFIX = "service."
PERMISSION = "services.call"
PATH = FUNCTIONS_PATH


def operation_of(offer: Offer, function: Function) -> Operation:
    """The function's operation. Raises Invalid FUNCTION_NAME, SCHEMA_INVALID."""
    if not NAME.match(function.name):
        raise Invalid("FUNCTION_NAME", f"Service `{offer.service}` exports a function whose name cannot be used.")
    check_function(function)
    title, _, rest = function.description.strip().partition("\n")
    return Operation(
        id=f"{PREFIX}{offer.service}.{function.word}",
        title=title.rstrip(".") or f"{function.name} of service {offer.service}",
        description=rest.strip(),
        permission=PERMISSION,
        input_schema={"type": "object", **function.input} if isinstance(function.input, dict) else {},
        output_schema=function.output if isinstance(function.output, dict) else {},
    )


def operations_of(offer: Offer) -> tuple[dict[str, tuple[Operation, Function]], list[tuple[str, FabricError]]]:
    """The operations by id, and by function what is refused; Conflict FUNCTION_CLASH where an id is taken already."""
    found: dict[str, tuple[Operation, Function]] = {}
    refused: list[tuple[str, FabricError]] = []
    for function in offer.functions:
        try:
            operation = operation_of(offer, function)
            if operation.id in found:
                raise Conflict(
                    "FUNCTION_CLASH",
                    f"Functions `{found[operation.id][1].name}` and `{function.name}` of service `{offer.service}` "
                    f"would both be `{operation.id}`.",
                    hint="Rename one of them in the Fabrickfile.",
                )
        except FabricError as error:
            refused.append((function.name, error))
        else:
            found[operation.id] = (operation, function)
    return found, refused

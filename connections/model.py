"""Connection, Step, Condition: as an author wrote them. Checked for shape, not yet for meaning."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from catalog.jsonvalue import Json

Operator = Literal[
    "eq", "ne", "gt", "gte", "lt", "lte", "contains", "not_contains", "matches", "in", "not_in", "exists", "not_exists"
]
OPERATORS: tuple[Operator, ...] = (
    "eq", "ne", "gt", "gte", "lt", "lte", "contains", "not_contains", "matches", "in", "not_in", "exists", "not_exists",
)  # fmt: skip
API_VERSION = "fabric/v1"
KIND = "Connection"


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"not_": "not"}):
    """A leaf (`field`, `operator`, `value`) or exactly one of the groups `all`, `any`, `not`."""

    field: str | UnsetType = UNSET
    operator: Operator | UnsetType = UNSET
    value: Json | UnsetType = UNSET
    all: "tuple[Condition, ...] | UnsetType" = UNSET
    any: "tuple[Condition, ...] | UnsetType" = UNSET
    not_: "Condition | UnsetType" = UNSET


class Foreach(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"in_": "in", "as_": "as"}):
    """Run the step once for each item of a list; at most `max_items`, `max_parallel` at a time."""

    in_: str
    as_: str = "item"
    max_parallel: int = 4
    max_items: int = 1000


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Try again after a failure. Delays are durations as written; `on` bounds it to these codes, () is any."""

    max_attempts: int = 3
    delay: str = "1s"
    max_delay: str = "30s"
    backoff: Literal["exponential", "constant"] = "exponential"
    on: tuple[str, ...] = ()


class Step(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, rename={"if_": "if"}
):
    """One call of an operation. `needs` None: the step above; `on_missing` None: not said, which means `error`."""

    id: str | None = None
    operation_id: str
    needs: tuple[str, ...] | None = None
    if_: tuple[Condition, ...] | None = None
    join: Literal["all", "any"] = "all"
    foreach: Foreach | None = None
    params: dict[str, Json] = {}
    retry: Retry | None = None
    timeout: str = "30s"
    on_missing: Literal["error", "empty", "skip"] | None = None
    continue_on_error: bool = False


class Connection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When one of these events happens and the conditions hold, run these steps."""

    name: str
    description: str = ""
    labels: dict[str, str] = {}
    enabled: bool = True
    source_event: str | tuple[str, ...]
    conditions: tuple[Condition, ...] | None = None
    cooldown_seconds: int = 0
    max_rate: str | None = None
    timeout: str = "5m"
    steps: tuple[Step, ...]

    @property
    def patterns(self) -> tuple[str, ...]:
        """`source_event` as a list, whichever way it was written."""
        return (self.source_event,) if isinstance(self.source_event, str) else self.source_event

    def document(self) -> dict[str, Json]:
        """The Connection as the JSON object an author could have written; defaults are left out."""
        found: dict[str, Json] = msgspec.json.decode(msgspec.json.encode(self))
        return found

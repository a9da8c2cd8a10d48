"""Plan: a compiled Connection: a DAG of typed steps and everything that can be decided before an event arrives."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import msgspec

from catalog.diagnostics import Diagnostic
from catalog.events import Pattern
from catalog.operations import Operation
from connections.conditions import Check, EqualityTerm
from connections.model import Connection
from connections.templates import Template

if TYPE_CHECKING:
    import networkx

Source = int | Literal["trigger"]
"""Where a step's artifact may come from: the step of that number, or the event."""


class PlannedRetry(msgspec.Struct, frozen=True, kw_only=True):
    """Delays in seconds; `on` bounds it to these codes, empty is any."""

    max_attempts: int
    delay: float
    max_delay: float
    backoff: Literal["exponential", "constant"]
    on: frozenset[str]


class PlannedForeach(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """`in_` renders to the list, whose items stand in the context under `as_`, `max_parallel` at a time."""

    in_: Template
    as_: str
    max_parallel: int
    max_items: int


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One step, ready to run. `needs` and `dependents` are step numbers, ascending; `timeout` is in seconds.

    `artifact_from` lists where the artifact of an operation that accepts one comes from, the nearest first.
    """

    index: int
    id: str | None
    operation: Operation
    template: Template
    needs: tuple[int, ...]
    dependents: tuple[int, ...]
    condition: Check | None
    join: Literal["all", "any"]
    foreach: PlannedForeach | None
    retry: PlannedRetry | None
    timeout: float
    continue_on_error: bool
    on_missing: Literal["error", "empty", "skip"]
    artifact_from: tuple[Source, ...]


class Plan:
    """What the engine runs. Immutable; a run keeps the Plan it began with.

    `condition` holds all `conditions` (None: there are none), `equality_terms` those of its equalities that must hold.
    `timeout` is in seconds; `max_rate` is how many firings in how many seconds. `order` is topological, lowest number
    first among those that are ready; `is_chain` says that every step needs exactly the one above.
    """

    def __init__(
        self,
        connection: Connection,
        steps: tuple[PlannedStep, ...],
        order: tuple[int, ...],
        *,
        source_patterns: tuple[Pattern, ...],
        condition: Check | None,
        max_rate: tuple[int, float] | None,
        timeout: float,
        warnings: Callable[[], tuple[Diagnostic, ...]],
    ) -> None:
        self.connection = connection
        self.name = connection.name
        self.steps = steps
        self.order = order
        self.source_patterns = source_patterns
        self.condition = condition
        self.equality_terms: tuple[EqualityTerm, ...] = condition.equality_terms if condition else ()
        self.cooldown_seconds = connection.cooldown_seconds
        self.max_rate = max_rate
        self.timeout = timeout
        self._warnings = warnings
        self.roots = tuple(step.index for step in steps if not step.needs)
        self.is_chain = all(step.needs == ((step.index - 1,) if step.index else ()) for step in steps)
        self.uses_secrets = frozenset(_secrets(steps))
        """Names of the secrets that templates refer to."""
        self.uses_roots = frozenset(root for step in steps for root in _roots(step))
        """First words of all references in templates and step conditions, so that nothing else need be built."""

    @cached_property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What the author should look at, each with its place; the text is searched when this is first asked."""
        return self._warnings()

    @cached_property
    def graph(self) -> "networkx.DiGraph[int]":
        """The DAG: nodes are step numbers with `step`, edges lead from a need to its dependent."""
        import networkx  # noqa: PLC0415 - slow to import, and no run needs it

        graph: networkx.DiGraph[int] = networkx.DiGraph(name=self.name)
        graph.add_nodes_from((step.index, {"step": step}) for step in self.steps)
        graph.add_edges_from((need, step.index) for step in self.steps for need in step.needs)
        return graph


def _secrets(steps: tuple[PlannedStep, ...]) -> list[str]:
    placed = [each.reference for step in steps for each in step.template.references]
    return [str(each.path[1]) for each in placed if each.root == "secrets"]


def _roots(step: PlannedStep) -> frozenset[str]:
    roots = step.template.roots
    if step.foreach is not None:
        roots |= step.foreach.in_.roots
    return roots | step.condition.roots if step.condition is not None else roots

"""The compiler: a Connection and a catalog → a Plan, or every Diagnostic at once."""

from collections.abc import Callable

from catalog.authority import Author, Targets
from catalog.catalog import Catalog
from catalog.errors import ConnectionInvalid
from catalog.jsonvalue import Json
from connections.durations import find_rate, seconds
from connections.model import Connection, Retry, Step
from connections.parse import draft
from connections.passes import (
    artifacts,
    authoring,
    conditions,
    controllers,
    events,
    graph,
    operations,
    params,
    permissions,
    references,
    templates,
)
from connections.passes.work import StepWork, Work
from connections.plan import Plan, PlannedForeach, PlannedRetry, PlannedStep

PASSES: tuple[Callable[[Work], None], ...] = (
    authoring.run,  # first: it asks nothing of the document
    events.run,  # what the payload looks like is asked by every later pass
    operations.run,  # which operation a step calls decides what its parameters and output are
    graph.run,  # references and conditions may look only at steps that run before
    conditions.run,  # before references: what a condition asks for is certainly there afterwards
    templates.run,  # parses parameters, which all passes below walk
    references.run,  # what references lead to, and with it the type of foreach's items
    params.run,  # types of constants and of what references lead to, against each input schema
    artifacts.run,  # needs operations and order alone; after params, because types are mended first
    controllers.run,  # needs parsed parameters
    permissions.run,  # last: a person's rights matter once the document makes sense
)


def compile(
    source: str | bytes | Connection | dict[str, Json],
    catalog: Catalog,
    *,
    author: Author | None = None,
    targets: Targets | None = None,
) -> Plan:
    """Compile YAML or JSON text, an object, or a model. Raises ConnectionInvalid with every Diagnostic.

    Without `author` and `targets` (offline) permissions and controllers are left to the server.
    """
    read = draft(source)
    if read.connection is None:
        raise ConnectionInvalid(read.document.located())
    work = Work(read, read.connection, catalog, author, targets)
    for run in PASSES:
        run(work)
    if work.findings.failed:
        raise ConnectionInvalid(read.document.located())
    rate = read.connection.max_rate
    return Plan(
        read.connection,
        tuple(_planned(work, number) for number in range(len(work.steps))),
        work.reach.order,
        source_patterns=work.patterns,
        condition=work.condition,
        max_rate=find_rate(rate) if rate is not None else None,
        timeout=seconds(read.connection.timeout),
        warnings=read.document.located if work.findings.items else tuple,
    )


def _planned(work: Work, number: int) -> PlannedStep:
    step, mine = work.connection.steps[number], work.steps[number]
    if mine.operation is None or mine.template is None:
        raise AssertionError("a step without errors has its operation and its template")
    needs = work.reach.needs
    return PlannedStep(
        index=number,
        id=step.id,
        operation=mine.operation,
        template=mine.template,
        needs=needs[number],
        dependents=tuple(each for each in range(len(needs)) if number in needs[each]),
        condition=mine.condition,
        join=step.join,
        foreach=_planned_foreach(step, mine),
        retry=_planned_retry(step.retry) if step.retry is not None else None,
        timeout=seconds(step.timeout),
        continue_on_error=step.continue_on_error,
        on_missing=step.on_missing or "error",
        artifact_from=mine.artifact_from,
    )


def _planned_foreach(step: Step, mine: StepWork) -> PlannedForeach | None:
    if step.foreach is None or mine.foreach_in is None:
        return None
    return PlannedForeach(
        in_=mine.foreach_in,
        as_=step.foreach.as_,
        max_parallel=step.foreach.max_parallel,
        max_items=step.foreach.max_items,
    )


def _planned_retry(retry: Retry) -> PlannedRetry:
    return PlannedRetry(
        max_attempts=retry.max_attempts,
        delay=seconds(retry.delay),
        max_delay=seconds(retry.max_delay),
        backoff=retry.backoff,
        on=frozenset(retry.on),
    )

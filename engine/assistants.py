"""Assistants: all that an assistant can have of the engine. It sees tools, calls reads and stages writes.

Nothing here applies, rejects or administers, and nothing that does is held.
"""

from collections.abc import Mapping

from catalog.errors import FabricError, TooMany
from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.registry import Registry
from engine.budgets import Budgets
from engine.changes import PendingChange
from engine.guards import Rate, Window
from engine.measures import Measures
from engine.owned_ports import TenancyStore
from engine.ports import Clock
from engine.tenancy import Actor, Controller, Credential
from engine.trials import Came, Trials, may_invoke

SHOWN_TARGETS = 100
"""Controllers that an assistant is told of."""


class Assistants:
    """The engine as assistants know it. Every method takes the actor that a credential makes of its owner now."""

    def __init__(
        self,
        registry: Registry,
        trials: Trials,
        budgets: Budgets,
        store: TenancyStore,
        rate: Rate,
        clock: Clock,
        measures: Measures,
    ) -> None:
        self._registry = registry
        self._trials = trials
        self._budgets = budgets
        self._store = store
        self._window = Window(rate, clock, _too_fast)
        self._measures = measures

    def admit(self, credential: Credential) -> None:
        """Count one request of that token. Raises TooMany MCP_RATE."""
        self._window.admit(credential.id)

    def tools(self, actor: Actor) -> Mapping[str, Operation]:
        """What he may really call now, by name and in order: it is offered, it can run, and he holds its permission."""
        return {
            name: operation
            for name, operation in self._registry.seen_by(actor.organisation_id).tools.items()
            if self._registry.find_code(operation.id) is not None and may_invoke(actor, operation)
        }

    async def targets(self, actor: Actor) -> list[Controller]:
        """Controllers at whose sites he may call something, by name; at most SHOWN_TARGETS."""
        permissions = {op.permission for op in self.tools(actor).values() if op.permission is not None}
        page = await self._store.list_tenants(Controller, actor.organisation_id, SHOWN_TARGETS, None)
        return [each for each in page.items if any(actor.holds(permission, each.site_id) for permission in permissions)]

    async def call(self, actor: Actor, credential: Credential, operation: Operation, params: Json) -> Came | str:
        """Spend one call, then read or stage. What takes long goes on, and its id comes back, for `late`.

        Raises TooMany AI_BUDGET_EXCEEDED, and what `Trials.ask` raises.
        """
        try:
            await self._budgets.spend(credential)
            came = await self._trials.ask(actor, operation.id, params)
        except FabricError:
            self._measures.assistant_calls["refused"] += 1
            raise
        self._measures.assistant_calls["staged" if isinstance(came, PendingChange) else "read"] += 1
        return came

    async def late(self, actor: Actor, invocation_id: str, seconds: float) -> Came | None:
        """What a slow call came to, waiting for so long; None while it goes on. Raises its error."""
        return await self._trials.late_within(actor, invocation_id, seconds)


def _too_fast(rate: Rate, wait: float) -> TooMany:
    return TooMany(
        "MCP_RATE",
        f"The token has sent {rate.limit} requests within {rate.seconds:g} s.",
        retry_after=max(wait, 1.0),
        hint="Wait, or have the operator raise FABRIC_MCP_LIMIT.",
    )

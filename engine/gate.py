"""The permission gate: may the author of this run carry out this operation, now?"""

from catalog.errors import Forbidden
from catalog.operations import Operation, Tier
from catalog.provider import Target
from engine.directory import Directory
from engine.tenancy import Actor, Controller


class Gate:
    """Asked before each step; believes nothing that is older than the directory's second."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def quick(self, organisation_id: str, author_id: str, operation: Operation) -> Actor | None:
        """The author if he is known fresh and may; None: ask `check`. Never raises."""
        actor = self._directory.fresh_actor(organisation_id, author_id)
        return actor if actor is not None and _may(actor, operation) else None

    async def check(self, organisation_id: str, author_id: str, operation: Operation) -> Actor:
        """The author. Raises Forbidden PERMISSION_DENIED; a look-up that fails in any way denies as well."""
        try:
            actor = await self._directory.find_actor(organisation_id, author_id)
        except Exception as error:
            raise _denied(operation, "his rights cannot be read now") from error
        if actor is None:
            raise _denied(operation, "he is no longer in the organisation")
        if not _may(actor, operation):
            raise _denied(operation, "he is not active" if not actor.active else f"he lacks `{operation.permission}`")
        return actor


def check_site(actor: Actor, operation: Operation, controller: Controller | Target) -> None:
    """Refuse a target at a site where the actor does not hold the permission. Raises Forbidden PERMISSION_DENIED."""
    if operation.permission is not None and not actor.holds(operation.permission, controller.site_id):
        raise _denied(operation, "he does not hold its permission at the target's site")


def _may(actor: Actor, operation: Operation) -> bool:
    if operation.permission is None:
        return actor.active and operation.tier is Tier.NATIVE and not operation.write
    return actor.holds(operation.permission)


def _denied(operation: Operation, reason: str) -> Forbidden:
    return Forbidden(
        "PERMISSION_DENIED",
        f"The author may not use `{operation.id}`: {reason}.",
        hint="Have an administrator look at the author's roles, or save the Connection as somebody who may.",
    )

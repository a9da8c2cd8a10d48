"""From a `controller_id` in rendered params to a Target whose owner was checked and whose credentials are open."""

import re

import msgspec

from catalog.errors import Forbidden, Invalid
from catalog.jsonvalue import Json
from catalog.operations import Operation
from catalog.provider import Target
from engine.directory import Directory
from engine.gate import check_site
from engine.ports import Seal
from engine.tenancy import Actor, Controller

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


class TargetFinder:
    """Resolves targets; the seed's checks NO_TARGET, BAD_TARGET and CROSS_TENANT_TARGET."""

    def __init__(self, directory: Directory, seal: Seal) -> None:
        self._directory = directory
        self._seal = seal

    async def find(self, actor: Actor, operation: Operation, params: Json) -> Target:
        """The target that `params` name.

        Raises Invalid NO_TARGET, BAD_TARGET; Forbidden CROSS_TENANT_TARGET (unknown and foreign alike),
        PERMISSION_DENIED (not at that site).
        """
        controller_id = params.get("controller_id") if isinstance(params, dict) else None
        if controller_id is None or controller_id == "":
            raise Invalid(
                "NO_TARGET", f"`{operation.id}` has no `controller_id`.", hint="Name the controller it acts on."
            )
        if not isinstance(controller_id, str) or not _UUID.match(controller_id):
            raise Invalid(
                "BAD_TARGET", "`controller_id` is not a canonical UUID.", hint="See `GET /api/v1/fabric/controllers`."
            )
        controller = await self._directory.find_controller(actor.organisation_id, controller_id)
        if controller is None:
            raise Forbidden(
                "CROSS_TENANT_TARGET",
                "The target is not a controller of this organisation.",
                hint="See `GET /api/v1/fabric/controllers`.",
            )
        check_site(actor, operation, controller)
        return self.opened(controller)

    def opened(self, controller: Controller) -> Target:
        """The controller as its driver sees it. Raises Unavailable SEAL_BROKEN."""
        sealed = controller.sealed
        credentials = msgspec.json.decode(self._seal.open(sealed), type=dict[str, str]) if sealed else {}
        return Target(
            id=controller.id,
            organisation_id=controller.organisation_id,
            site_id=controller.site_id,
            driver=controller.driver,
            name=controller.name,
            settings=controller.settings,
            credentials=credentials,
            read_only=controller.read_only,
        )

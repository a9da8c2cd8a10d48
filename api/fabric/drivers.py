"""Routes: drivers, what each takes, and controllers as they are tried."""

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.driver_shapes import shown_drivers
from api.fabric.pages import Listing
from api.fabric.tenancy_shapes import ShownCheck, TriedController
from catalog.errors import Unavailable
from engine.credentials import require
from runtime.drivers.checking import Checked, check_target
from runtime.drivers.driver import Check


async def list_drivers(asked: Asked[None, NoQuery]) -> Answer:
    """Every driver, with the JSON Schemas of what a controller of it takes."""
    return Answer(Listing(items=shown_drivers()))


async def try_controller(asked: Asked[None, NoQuery]) -> Answer:
    """Really connect to a controller and say what works: 200 whatever comes of it, within 25 s."""
    application = asked.application
    controller = await application.administration.controller(asked.actor.organisation_id, asked.path["controller_id"])
    require(asked.actor, "controllers.manage", controller.site_id)
    try:
        target = application.targets.opened(controller)
    except Unavailable as error:
        failed = Check(name="unseal", ok=False, detail=error.message, code=error.code, hint=error.hint)
        return Answer(_tried(Checked(checks=(failed,), seconds=0.0)))
    return Answer(_tried(await check_target(target, application.ports)))


def _tried(checked: Checked) -> TriedController:
    checks = [
        ShownCheck(name=each.name, ok=each.ok, detail=each.detail, code=each.code, hint=each.hint)
        for each in checked.checks
    ]
    return TriedController(ok=checked.ok, checks=checks, seconds=checked.seconds)

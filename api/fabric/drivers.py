"""Routes: drivers, what each takes, and controllers as they are tried."""

from api.endpoints import Answer, Asked, NoQuery
from api.fabric.pages import Listing
from api.fabric.tenancy_shapes import ShownCheck, ShownDriver, TriedController
from catalog.errors import Unavailable
from engine.credentials import require
from runtime.drivers import DRIVERS
from runtime.drivers.checking import Checked, check_target
from runtime.drivers.described import schema_of
from runtime.drivers.driver import Check, Driver
from runtime.drivers.opening import installed


async def list_drivers(asked: Asked[None, NoQuery]) -> Answer:
    """Every driver, with the JSON Schemas of what a controller of it takes."""
    return Answer(Listing(items=[_shown(each) for each in DRIVERS]))


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


def _shown(driver: Driver) -> ShownDriver:
    return ShownDriver(
        name=driver.name,
        module=driver.module,
        title=driver.title,
        extra=driver.extra,
        installed=installed(driver),
        devices=driver.devices,
        settings=schema_of(driver.settings),
        credentials=schema_of(driver.credentials, secret=True),
    )


def _tried(checked: Checked) -> TriedController:
    checks = [
        ShownCheck(name=each.name, ok=each.ok, detail=each.detail, code=each.code, hint=each.hint)
        for each in checked.checks
    ]
    return TriedController(ok=checked.ok, checks=checks, seconds=checked.seconds)

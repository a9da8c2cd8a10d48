"""The controller of the services daemon in this process: there from the start, in the first organisation alone."""

from api.wiring import Application
from catalog.daemons import DRIVER, LOCAL_DAEMON
from catalog.errors import Conflict
from engine.audit import audit_row, system_actor
from engine.tenancy import Controller, Organisation, Site

_NAMES = (DRIVER, f"{DRIVER}-{LOCAL_DAEMON[:8]}")
"""The second where somebody has given the first to a controller of his own."""


async def add_local_daemon(application: Application) -> None:
    """Add it to what has no such controller yet; it stands in the oldest site of the oldest organisation."""
    store, clock = application.store, application.clock
    if await store.find_controllers([LOCAL_DAEMON]):
        return
    organisation = min(await store.organisations(), key=lambda each: each.created_at)
    actor = system_actor(organisation.id)
    row = audit_row(actor, "controller.created", LOCAL_DAEMON, clock, {"name": DRIVER})
    site = await _site(application, organisation)
    for name in _NAMES:
        controller = Controller(
            id=LOCAL_DAEMON,
            organisation_id=organisation.id,
            site_id=site.id,
            name=name,
            driver=DRIVER,
            created_at=clock.now(),
            revision=0,
        )
        try:
            await store.put_tenant(controller, row)
            return
        except Conflict:
            if name == _NAMES[-1]:
                raise


async def _site(application: Application, organisation: Organisation) -> Site:
    store, clock = application.store, application.clock
    found: list[Site] = (await store.list_tenants(Site, organisation.id, 200, None)).items
    if found:
        return min(found, key=lambda each: each.created_at)
    site = Site(id=clock.new_id(), organisation_id=organisation.id, name="default", created_at=clock.now())
    await store.put_tenant(site, audit_row(system_actor(organisation.id), "site.created", site.id, clock))
    return site

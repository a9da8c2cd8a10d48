"""First start: organisation `default`, its administrator, a site, and a token in a 0600 file."""

import os
from pathlib import Path

from api.settings import TOKEN_FILE
from api.wiring import Application
from engine.audit import audit_row, system_actor
from engine.tenancy import ORG_ADMIN, CredentialKind, Grant, Organisation, Site, User


async def first_start(application: Application) -> Path | None:
    """Create what a new data directory lacks; the path of the token file, None where there is nothing to do."""
    store, clock = application.store, application.clock
    if await store.organisations():
        return None
    organisation = Organisation(id=clock.new_id(), name="default", created_at=clock.now())
    actor = system_actor(organisation.id)
    await store.put_tenant(organisation, audit_row(actor, "organisation.created", organisation.id, clock))
    site = Site(id=clock.new_id(), organisation_id=organisation.id, name="default", created_at=clock.now())
    await store.put_tenant(site, audit_row(actor, "site.created", site.id, clock))
    user = User(
        id=clock.new_id(),
        organisation_id=organisation.id,
        name="admin",
        grants=(Grant(ORG_ADMIN),),
        created_at=clock.now(),
        revision=0,
    )
    await store.put_tenant(user, audit_row(actor, "user.created", user.id, clock))
    _, text = await application.credentials.issue(actor, user.id, CredentialKind.TOKEN, "first start")
    path = application.data / TOKEN_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path

"""First start: organisation `default`, its administrator, a site, its own daemon, and a token in a 0600 file.

It is several commits, so a marker file stands until the last of them: a first start that was cut off is finished by the
next one, and an administrator who has put his token file away does not get another.
"""

import os
from pathlib import Path

from api.local_daemon import add_local_daemon
from api.wiring import Application
from engine.audit import audit_row, system_actor
from engine.tenancy import ORG_ADMIN, CredentialKind, Grant, Organisation, User

TOKEN_FILE = "admin-token"  # noqa: S105 - a file's name
MARKER = "first-start"


async def first_start(application: Application) -> Path | None:
    """Create what a new data directory lacks; the path of the token file, None where there was nothing to do."""
    marker = application.data / MARKER
    organisations = await application.store.organisations()
    if organisations and not marker.exists():
        await add_local_daemon(application)
        return None
    marker.touch(mode=0o600)
    organisation = organisations[0] if organisations else await _organisation(application)
    user = await _administrator(application, organisation.id)
    await add_local_daemon(application)
    actor = system_actor(organisation.id)
    _, text = await application.credentials.issue(actor, user.id, CredentialKind.TOKEN, "first start")
    path = application.data / TOKEN_FILE
    _write(path, text + "\n")
    marker.unlink()
    return path


async def _organisation(application: Application) -> Organisation:
    clock = application.clock
    organisation = Organisation(id=clock.new_id(), name="default", created_at=clock.now())
    row = audit_row(system_actor(organisation.id), "organisation.created", organisation.id, clock)
    await application.store.put_tenant(organisation, row)
    return organisation


async def _administrator(application: Application, organisation_id: str) -> User:
    store, clock = application.store, application.clock
    found = (await store.list_tenants(User, organisation_id, 1, None)).items
    if found:
        return found[0]  # type: ignore[no-any-return]  # a page of users
    user = User(
        id=clock.new_id(),
        organisation_id=organisation_id,
        name="admin",
        grants=(Grant(ORG_ADMIN),),
        created_at=clock.now(),
        revision=0,
    )
    await store.put_tenant(user, audit_row(system_actor(organisation_id), "user.created", user.id, clock))
    return user


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

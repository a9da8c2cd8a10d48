"""Rotations that are killed: `python -m tests.engine.resealing DATA` forks one engine for each line it reads.

Each session opens everything that is sealed, notes that it did, and rotates the key until it has done its share or is
killed at a failpoint. Lines as in `tests.engine.crashing`.
"""

import sys
from pathlib import Path

from engine.tenancy import CredentialKind
from tests.engine.forking import fork_for_each_line
from tests.engine.house import House, house

COUNT = 70
"""Of each kind: more than one batch."""


async def furnish(home: House) -> None:
    """Controllers, secrets and keys with something sealed."""
    app = home.app
    for number in range(COUNT):
        await app.secrets.put(home.admin, f"s{number}", f"secret-{number}")
        await app.administration.add_controller(
            home.admin,
            site_id=home.site.id,
            name=f"c{number}",
            driver="probe",
            settings={},
            credentials={"password": f"password-{number}"},
            read_only=False,
        )
        await app.credentials.issue(
            home.admin,
            home.admin.id,
            CredentialKind.KEY,
            f"k{number}",
            signing_scheme="standard",
            signing_secrets=(f"one-{number}", f"two-{number}"),
        )


async def opened(home: House) -> None:
    """Open everything and compare. Raises AssertionError where anything is lost or altered."""
    app, organisation = home.app, home.admin.organisation_id
    names = [f"s{number}" for number in range(COUNT)]
    assert await app.secrets.open(organisation, names) == {f"s{n}": f"secret-{n}" for n in range(COUNT)}
    managed = await app.pollers._controllers.every()
    found = {each.name: each.credentials for each in managed.targets if each.name.startswith("c")}
    assert found == {f"c{n}": {"password": f"password-{n}"} for n in range(COUNT)}
    assert managed.closed == frozenset()
    keys = (await app.credentials.list(organisation, 200, None)).items
    signing = {each.name: app.credentials.signing_secrets(each) for each in keys if each.sealed_signing}
    assert signing == {f"k{n}": (f"one-{n}", f"two-{n}") for n in range(COUNT)}


async def session(data: Path) -> None:
    """Open everything, rotate, open everything."""
    async with house(data) as home:
        await opened(home)
        await (await home.app.resealing.begin(home.admin, keep_old=False))
        await opened(home)


def main() -> None:
    """Fork a session for each line."""
    fork_for_each_line(lambda _words: session(Path(sys.argv[1])))


if __name__ == "__main__":
    main()

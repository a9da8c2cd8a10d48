"""SealedStore: everything sealed is found, once, and nothing else of its row changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ports import Store
from engine.records import SealedKind
from engine.tenancy import Controller, Credential, CredentialKind
from tests.contracts.rows import ORG, OTHER, Rows

Renew = Callable[[bytes], bytes | None]


def newer(sealed: bytes) -> bytes | None:
    """Puts `new:` before what has it not; what says `broken` opens under no key."""
    if sealed.startswith(b"broken"):
        return None
    return sealed if sealed.startswith(b"new:") else b"new:" + sealed


async def everything(store: Store, rows: Rows, count: int = 3) -> None:
    """Controllers, secrets and keys of two organisations, with and without something sealed."""
    for organisation_id in (ORG, OTHER):
        own = Rows(rows.clock, organisation_id)
        for number in range(count):
            await store.put_secret(organisation_id, f"s{number}", b"secret", own.audit())
            sealed = None if number == 0 else b"controller"
            await store.put_tenant(
                Controller(
                    id=f"{organisation_id}-c{number}",
                    organisation_id=organisation_id,
                    site_id=f"site-of-{organisation_id}",
                    name=f"c{number}",
                    driver="probe",
                    sealed=sealed,
                    revision=0,
                ),
                own.audit(),
            )
            signing = (b"one", b"two")[:number]
            await store.put_credential(
                Credential(
                    id=f"{organisation_id}-k{number}",
                    organisation_id=organisation_id,
                    user_id=f"person-of-{organisation_id}",
                    kind=CredentialKind.KEY,
                    name=f"k{number}",
                    sha256=f"{organisation_id}{number}",
                    sealed_signing=signing,
                ),
                own.audit(),
            )


async def go_through(store: Store, renewed: Renew, limit: int) -> tuple[int, dict[str, int], dict[str, int]]:
    rows, moved, broken = 0, dict[str, int](), dict[str, int]()
    for kind in SealedKind:
        after = None
        while True:
            batch = await store.reseal(kind, after, limit, renewed)
            assert batch.rows <= limit
            rows += batch.rows
            for sums, counts in ((moved, batch.moved), (broken, batch.broken)):
                for organisation_id, count in counts.items():
                    sums[organisation_id] = sums.get(organisation_id, 0) + count
            after = batch.next
            if after is None:
                break
    return rows, moved, broken


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_every_sealed_value_is_renewed_once_however_it_is_cut(store: Store, rows: Rows, limit: int) -> None:
    await everything(store, rows)
    assert await store.count_sealed() == 20
    # Two secrets more than controllers and keys: three secrets, two controllers and that of the furniture, 1 + 2.
    assert await go_through(store, newer, limit) == (20, {ORG: 9, OTHER: 9}, {})
    assert await go_through(store, newer, limit) == (20, {}, {})
    assert await store.sealed_secrets(OTHER, ["s0", "s1"]) == {"s0": b"new:secret", "s1": b"new:secret"}
    found = await store.find_controllers([f"{ORG}-c{number}" for number in range(3)])
    assert [each.sealed for each in found] == [None, b"new:controller", b"new:controller"]
    key = await store.get_credential(ORG, f"{ORG}-k2")
    assert key.sealed_signing == (b"new:one", b"new:two")


async def test_nothing_else_of_a_row_changes(store: Store, rows: Rows) -> None:
    await everything(store, rows)
    controllers = await store.list_tenants(Controller, ORG, 50, None)
    keys, names = await store.list_credentials(ORG, 50, None), await store.list_secrets(ORG)
    audit = (await store.list_audit(ORG, 1, None)).items[0].seq
    await go_through(store, lambda sealed: sealed[::-1], 50)
    await go_through(store, lambda sealed: sealed[::-1], 50)
    assert await store.list_tenants(Controller, ORG, 50, None) == controllers
    assert (await store.list_credentials(ORG, 50, None), await store.list_secrets(ORG)) == (keys, names)
    assert (await store.list_audit(ORG, 1, None)).items[0].seq == audit


async def test_what_no_key_opens_is_counted_and_stays(store: Store, rows: Rows) -> None:
    await store.put_secret(ORG, "lost", b"broken", rows.audit())
    await store.put_secret(ORG, "well", b"x", rows.audit())
    _, moved, broken = await go_through(store, newer, 50)
    assert (moved[ORG], broken) == (2, {ORG: 1})
    assert await store.sealed_secrets(ORG, ["lost", "well"]) == {"lost": b"broken", "well": b"new:x"}


async def test_rows_that_come_meanwhile_do_no_harm(store: Store, rows: Rows) -> None:
    await everything(store, rows)

    async def add() -> None:
        for number in range(30):
            await store.put_secret(ORG, f"later-{number}", b"new:later", rows.audit())

    async with asyncio.TaskGroup() as both:
        both.create_task(add())
        both.create_task(go_through(store, newer, 1))
    assert (await go_through(store, newer, 7))[1] == {}
    assert len(await store.list_secrets(ORG)) == 33


async def test_what_was_written_over_is_nowhere_in_the_files(store: Store, rows: Rows, tmp_path: Path) -> None:
    old = b"an-old-ciphertext-0123456789"
    for number in range(200):
        await store.put_secret(ORG, f"s{number}", old, rows.audit())
    await go_through(store, lambda sealed: b"N" * len(sealed) if sealed == old else sealed, 50)
    await store.scrub()
    assert _files_with(tmp_path, old) == []


def _files_with(folder: Path, content: bytes) -> list[str]:
    return [path.name for path in folder.iterdir() if content in path.read_bytes()]

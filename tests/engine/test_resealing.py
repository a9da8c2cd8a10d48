"""The seal's key is rotated while the server runs: nothing is lost at any moment, nothing stays under the old key."""

import asyncio
import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.fernet import Fernet, InvalidToken

from catalog.errors import Conflict, FabricError, Forbidden, Unavailable
from engine import failpoints
from engine.records import AuditRow
from engine.seal import KEY_FILE
from engine.tenancy import Actor, Controller
from tests.engine.house import House, house
from tests.engine.resealing import COUNT, furnish, opened

POINTS = [name for name in failpoints.NAMES if name.startswith(("store.reseal.", "seal."))]
_TOKEN = re.compile(rb"gAAAAA[A-Za-z0-9_-]{60,}={0,2}")
_TOKEN_IN_BASE64 = re.compile(rb"Z0FBQUFB[A-Za-z0-9+/]{80,}={0,2}")


def keys(data: Path) -> list[bytes]:
    return (data / KEY_FILE).read_bytes().split()


def openable(data: Path, key: bytes) -> int:
    """How many tokens in the store's files, wherever they lie in them, this key opens."""
    found = 0
    for path in data.glob("fabric.sqlite*"):
        content = path.read_bytes()
        tokens = [*_TOKEN.findall(content), *map(_decoded, _TOKEN_IN_BASE64.findall(content))]
        found += sum(_opens(key, each) for each in tokens)
    return found


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))


def _opens(key: bytes, token: bytes) -> bool:
    """What follows a token in a page may look as if it belonged to it."""
    for cut in range(len(token), max(len(token) - 8, 0), -1):
        try:
            Fernet(key).decrypt(token[:cut])
        except (InvalidToken, ValueError):
            continue
        return True
    return False


async def rotate(home: House, *, keep_old: bool = False) -> None:
    await (await home.app.resealing.begin(home.admin, keep_old=keep_old))


async def test_everything_opens_with_the_new_key_at_once_and_nothing_with_the_old_one(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await furnish(home)
        (old,) = keys(tmp_path)
        assert openable(tmp_path, old) > 0
        revisions = await _revisions(home)
        await rotate(home)
        (new,) = keys(tmp_path)
        assert new != old
        await opened(home)
        assert await _revisions(home) == revisions
        last = home.app.resealing.last
        assert last is not None
        assert last.moved[home.admin.organisation_id] == {
            "controllers": COUNT + 1,
            "secrets": COUNT,
            "keys": 2 * COUNT,
        }
        assert (last.rows_done, last.rows, last.complete, last.broken) == (last.rows, last.rows, True, {})
        assert openable(tmp_path, old) == 0
        audit = (await home.app.store.list_audit(home.admin.organisation_id, 1, None)).items[0]
        assert (audit.action, audit.actor_id) == ("seal.rotated", home.admin.id)
    assert openable(tmp_path, old) == 0
    assert openable(tmp_path, new) > 0
    async with house(tmp_path) as home:
        await opened(home)


async def _revisions(home: House) -> list[tuple[str, int]]:
    page = await home.app.store.list_tenants(Controller, home.admin.organisation_id, 200, None)
    return [(each.id, each.revision) for each in page.items]


async def test_with_keep_old_what_a_backup_brings_back_still_opens(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        (old,) = keys(tmp_path)
        await rotate(home, keep_old=True)
        assert keys(tmp_path)[1:] == [old]
        backed_up = Fernet(old).encrypt(b"from a backup")
        await home.app.store.put_secret(home.admin.organisation_id, "back", backed_up, (await _last_audit(home)))
        assert await home.app.secrets.open(home.admin.organisation_id, ["back"]) == {"back": "from a backup"}
        await rotate(home)
        assert await home.app.secrets.open(home.admin.organisation_id, ["back"]) == {"back": "from a backup"}
        assert len(keys(tmp_path)) == 1


async def _last_audit(home: House) -> AuditRow:
    return (await home.app.store.list_audit(home.admin.organisation_id, 1, None)).items[0]


async def test_what_is_written_while_it_goes_on_is_under_the_new_key(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await furnish(home)
        (old,) = keys(tmp_path)
        task, edits = await home.app.resealing.begin(home.admin, keep_old=False), 0
        while not task.done():
            page = await home.app.store.list_tenants(Controller, home.admin.organisation_id, 200, None)
            names = [each.id for each in page.items if each.name.startswith("c")]
            changes = {"read_only": edits % 2 == 0}
            await home.app.administration.change_controller(home.admin, names[edits % COUNT], changes, None)
            await home.app.secrets.put(home.admin, f"new-{edits}", "x")
            credential = (await home.app.credentials.list(home.admin.organisation_id, 200, None)).items
            key = next(each for each in credential if each.name == f"k{edits % COUNT}")
            await home.app.credentials.revoke(home.admin, key.id)
            edits += 1
        assert edits > 2
        await opened(home)
        assert openable(tmp_path, old) == 0


async def test_who_read_before_and_writes_after_renews_what_he_carries_over(tmp_path: Path) -> None:
    """The row that the edit read is under the old key, which is gone when it is written."""
    async with house(tmp_path) as home:
        old = home.controller
        get = home.app.store.get_tenant

        async def slow(kind: type, organisation_id: str, row_id: str) -> object:
            found = await get(kind, organisation_id, row_id)
            home.app.store.get_tenant = get  # type: ignore[method-assign]
            await rotate(home)
            return found

        home.app.store.get_tenant = slow  # type: ignore[assignment,method-assign]
        await home.app.administration.change_controller(home.admin, old.id, {"read_only": True}, None)
        (found,) = await home.app.store.find_controllers([old.id])
        assert found.read_only
        assert home.app.targets.opened(found).credentials == {"password": "canary-controller"}
        assert home.app.targets.opened(old).credentials == {"password": "canary-controller"}, "read before, opened now"
    async with house(tmp_path) as home:
        assert home.app.targets.opened(found).credentials == {"password": "canary-controller"}
        with pytest.raises(Unavailable):
            home.app.targets.opened(old)


async def test_what_is_remembered_of_a_controller_is_read_again(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        aim = {"controller_id": home.controller.id, "value": 1}
        for _ in range(3):
            await home.app.trials.invoke(home.admin, "probe.set", aim)
            await rotate(home)
        held = await home.app.directory.find_controller(home.admin.organisation_id, home.controller.id)
        assert [held] == await home.app.store.find_controllers([home.controller.id])


@contextmanager
def sessions(data: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "tests.engine.resealing", str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def run(process: "subprocess.Popen[str]", failpoint: str) -> int:
    """How the session ended: 137 at the failpoint, 0 when it lived, 1 where anything was lost."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{failpoint} 1\n")
    process.stdin.flush()
    process.stdout.readline()
    return int(process.stdout.readline().split()[1])


async def test_a_kill_at_every_step_loses_nothing_and_the_next_rotation_ends_it(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await furnish(home)
    seen = set(keys(tmp_path))
    with sessions(tmp_path) as living:
        for point in POINTS:
            for number in (1, 3) if point.startswith("store.") else (1,):
                assert await asyncio.to_thread(run, living, f"{point}:{number}") == 137, point
                seen |= set(keys(tmp_path))
        assert await asyncio.to_thread(run, living, "-") == 0
    (new,) = keys(tmp_path)
    assert len(seen) > 3
    assert [openable(tmp_path, each) for each in seen - {new}] == [0] * (len(seen - {new}))
    assert _key_files(tmp_path) == [KEY_FILE]


def _key_files(data: Path) -> list[str]:
    return sorted(path.name for path in data.glob("seal*"))


async def test_a_value_that_no_key_opens_is_counted_and_left(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        foreign = Fernet(Fernet.generate_key()).encrypt(b"x")
        await home.app.store.put_secret(home.admin.organisation_id, "lost", foreign, await _last_audit(home))
        await rotate(home)
        last = home.app.resealing.last
        assert last is not None
        assert last.broken == {home.admin.organisation_id: {"secrets": 1}}
        assert await home.app.store.sealed_secrets(home.admin.organisation_id, ["lost"]) == {"lost": foreign}
        assert last.complete


async def test_a_store_that_fails_half_way_leaves_both_keys(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await furnish(home)
        reseal, calls = home.app.store.reseal, 0

        async def full(*given: object) -> object:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise Unavailable("STORE_FULL", "Full.")
            return await reseal(*given)  # type: ignore[arg-type]

        home.app.store.reseal = full  # type: ignore[assignment,method-assign]
        with pytest.raises(FabricError):
            await rotate(home)
        last = home.app.resealing.last
        assert last is not None
        assert (last.complete, last.error is not None, home.app.resealing.keys, len(keys(tmp_path))) == (
            False,
            True,
            2,
            2,
        )
        await opened(home)
        await rotate(home)
        await opened(home)
        assert len(keys(tmp_path)) == 1


async def test_one_at_a_time_and_for_administrators_of_the_whole_alone(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        narrow = msgspec.structs.replace(home.admin, unscoped_admin=False)
        assert isinstance(narrow, Actor)
        with pytest.raises(Forbidden):
            await home.app.resealing.begin(narrow, keep_old=False)
        first = await home.app.resealing.begin(home.admin, keep_old=False)
        with pytest.raises(Conflict) as refused:
            await home.app.resealing.begin(home.admin, keep_old=False)
        assert refused.value.code == "SEAL_ROTATING"
        await first


async def test_a_server_that_ends_meanwhile_goes_on_with_both_keys(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await furnish(home)
        await home.app.resealing.begin(home.admin, keep_old=False)
        await asyncio.sleep(0.02)
    async with house(tmp_path) as home:
        await opened(home)
        await rotate(home)
        assert len(keys(tmp_path)) == 1

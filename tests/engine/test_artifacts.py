"""Artifacts: bytes by reference, which are what they were or are not handed over."""

import asyncio
import hashlib
import os
import random
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.artifacts import ArtifactRef
from catalog.errors import Conflict, FabricError, NotFound, TooLarge, Unavailable
from engine import artifacts
from engine.artifacts import AGE_FLOOR, BROKER_SECONDS, MAX_BYTES, ArtifactStore
from tests.fakes.clock import FakeClock

MUTATIONS = 1_000


class House:
    """An ArtifactStore and what is in use."""

    def __init__(self, folder: Path, **limits: int) -> None:
        self.clock = FakeClock()
        self.in_use: frozenset[str] = frozenset()
        self.broker, self.durable = folder / "broker", folder / "durable"
        self.store = ArtifactStore(self.broker, self.durable, self.clock, in_use=self._in_use, **limits)

    async def _in_use(self) -> frozenset[str]:
        return self.in_use

    async def read(self, artifact: ArtifactRef) -> bytes:
        return b"".join([chunk async for chunk in self.store.open(artifact)])


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A fresh one."""
    return House(tmp_path)


async def test_bytes_come_back_as_they_were(house: House) -> None:
    for content in (b"", b"x", os.urandom(700_000)):
        put = await house.store.put(content, "image/jpeg")
        assert (put.sha256, put.size, put.durable) == (hashlib.sha256(content).hexdigest(), len(content), False)
        kept = await house.store.keep(put)
        assert (kept.durable, kept.media_type) == (True, "image/jpeg")
        assert await house.read(put) == await house.read(kept) == content


async def test_a_broker_artifact_lives_an_hour_and_a_durable_one_on(house: House) -> None:
    put = await house.store.put(b"x", "image/jpeg")
    kept = await house.store.keep(put)
    house.clock.pass_by(BROKER_SECONDS - 1)
    assert await house.read(put) == b"x"
    house.clock.pass_by(2)
    for attempt in (house.read(put), house.store.keep(put)):
        with pytest.raises(NotFound) as refused:
            await attempt
        assert refused.value.code == "ARTIFACT_GONE"
    assert await house.read(kept) == b"x"


async def test_too_large_is_refused_and_the_broker_holds_no_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path, broker_bytes=1_000)
    with pytest.raises(TooLarge):
        await house.store.put(bytes(MAX_BYTES + 1), "image/jpeg")
    monkeypatch.setattr(artifacts, "MAX_BYTES", 800)
    await house.store.put(b"a" * 600, "image/jpeg")
    with pytest.raises(Unavailable) as refused:
        await house.store.put(b"b" * 600, "image/jpeg")
    assert refused.value.code == "BROKER_FULL"
    house.clock.pass_by(BROKER_SECONDS + 1)
    await house.store.put(b"b" * 600, "image/jpeg")


@pytest.mark.parametrize("token", ["../seal.key", "", "/etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n"])
async def test_a_token_that_is_none_leads_nowhere(house: House, token: str) -> None:
    for durable in (True, False):
        with pytest.raises(NotFound):
            await house.read(ArtifactRef(token=token, sha256="a" * 64, size=1, media_type="x/y", durable=durable))


async def test_files_are_their_owners_alone(house: House) -> None:
    await house.store.keep(await house.store.put(b"x", "image/jpeg"))
    for folder in (house.broker, house.durable):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}


async def test_what_is_not_writable_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Unavailable) as refused:
        await house.store.put(b"x", "image/jpeg")
    assert refused.value.code == "ARTIFACT_UNWRITABLE"
    assert [each.name for each in house.broker.iterdir()] == [".lock"]


async def test_collecting_takes_what_is_old_and_unused(house: House) -> None:
    kept = {name: await house.store.keep(await house.store.put(name.encode(), "x/y")) for name in ("used", "old")}
    (house.durable / ".draft-1-left").write_bytes(b"half")
    os.utime(house.durable / ".draft-1-left", (0, 0))
    (house.durable / "README").write_text("somebody's own file")
    os.utime(house.durable / "README", (0, 0))
    house.clock.pass_by(AGE_FLOOR + 1)
    young = await house.store.keep(await house.store.put(b"young", "x/y"))
    house.in_use = frozenset({kept["used"].sha256})

    assert await house.store.collect() == 4

    names = {each.name for each in house.durable.iterdir()}
    assert names == {kept["used"].sha256, young.sha256, "README", ".lock"}
    assert {each.name for each in house.broker.iterdir()} == {young.sha256, ".lock"}


async def test_what_is_kept_again_is_young_again(house: House) -> None:
    kept = await house.store.keep(await house.store.put(b"x", "x/y"))
    house.clock.pass_by(AGE_FLOOR + 1)
    await house.store.keep(await house.store.put(b"x", "x/y"))
    await house.store.collect()
    assert await house.read(kept) == b"x"
    house.clock.pass_by(AGE_FLOOR + 1)
    await house.store.keep(kept)
    await house.store.collect()
    assert await house.read(kept) == b"x"


@pytest.mark.promise("W6", count=300)
async def test_what_is_staged_while_collecting_goes_on_is_not_collected(house: House) -> None:
    """The row of an old blob that is used again is on its way while the list of what is in use was read without it."""
    contents = [str(number).encode() for number in range(300)]
    for content in contents:
        await house.store.keep(await house.store.put(content, "x/y"))
    house.clock.pass_by(AGE_FLOOR + 1)
    used: list[ArtifactRef] = []

    async def stage(content: bytes) -> None:
        used.append(await house.store.keep(await house.store.put(content, "x/y")))

    await asyncio.gather(house.store.collect(), *[stage(content) for content in contents], house.store.collect())
    assert {hashlib.sha256(await house.read(each)).hexdigest() for each in used} == {each.sha256 for each in used}


def _flip(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    content = bytearray(path.read_bytes())
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    path.write_bytes(content)


def _truncate(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    os.truncate(path, dice.randrange(path.stat().st_size))


def _extend(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(dice.randrange(1, 5_000)))


def _swap(path: Path, dice: random.Random, elsewhere: Path) -> None:
    elsewhere.write_bytes(dice.randbytes(path.stat().st_size))
    elsewhere.rename(path)


def _symlink(path: Path, dice: random.Random, elsewhere: Path) -> None:
    """Even to the very same bytes."""
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(elsewhere)


def _hard_link(path: Path, dice: random.Random, elsewhere: Path) -> None:
    elsewhere.hardlink_to(path)
    _flip(elsewhere, dice, elsewhere)


def _remove(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    path.unlink()


def _folder(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path, dice: random.Random, _elsewhere: Path) -> None:
    path.unlink()
    os.mkfifo(path)


Mutation = Callable[[Path, random.Random, Path], None]
_MUTATIONS: tuple[Mutation, ...] = (
    _flip,
    _truncate,
    _extend,
    _swap,
    _symlink,
    _hard_link,
    _remove,
    _folder,
    _pipe,
)


@pytest.mark.promise("W5", count=MUTATIONS)
async def test_no_byte_of_an_altered_artifact_is_handed_over(house: House, tmp_path: Path) -> None:
    dice = random.Random(7)
    for number in range(MUTATIONS):
        content = dice.randbytes(dice.randrange(1, 4_000))
        kept = await house.store.keep(await house.store.put(content, "image/jpeg"))
        mutate = _MUTATIONS[number % len(_MUTATIONS)]
        mutate(house.durable / kept.token, dice, tmp_path / f"elsewhere-{number}")
        handed: list[bytes] = []
        with pytest.raises(FabricError) as refused:
            async for chunk in house.store.open(kept):
                handed.append(chunk)
        assert refused.value.code == ("ARTIFACT_GONE" if mutate is _remove else "ARTIFACT_ALTERED"), mutate.__name__
        assert handed == []


@pytest.mark.promise("W5", count=200)
async def test_bytes_that_change_while_they_are_handed_over_stay_the_ones_that_were_hashed(
    house: House, tmp_path: Path
) -> None:
    dice = random.Random(8)
    for number in range(200):
        content = dice.randbytes(600_000)
        kept = await house.store.keep(await house.store.put(content, "image/jpeg"))
        handed = b""
        async for chunk in house.store.open(kept):
            handed += chunk
            if len(handed) < 600_000 and number % 2:
                _flip(house.durable / kept.token, dice, tmp_path / "elsewhere")
        assert handed == content
        (house.durable / kept.token).unlink()


@pytest.mark.promise("W5", count=200)
async def test_a_race_while_it_is_read_gives_the_kept_bytes_or_an_error(house: House, tmp_path: Path) -> None:
    dice = random.Random(9)
    content = dice.randbytes(2_000_000)
    kept = await house.store.keep(await house.store.put(content, "image/jpeg"))

    async def mutate() -> None:
        await asyncio.to_thread(_swap, house.durable / kept.token, dice, tmp_path / "elsewhere")
        await house.store.keep(await house.store.put(content, "image/jpeg"))

    for _ in range(100):
        ends = await asyncio.gather(house.read(kept), mutate(), house.read(kept), return_exceptions=True)
        for end in (ends[0], ends[2]):
            assert end == content or (isinstance(end, Conflict) and end.code == "ARTIFACT_ALTERED")

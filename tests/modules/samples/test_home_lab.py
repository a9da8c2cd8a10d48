"""samples/home-lab, followed as its README says, with a camera, a hypervisor and a bucket that are real."""

import asyncio
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from docs.pages.errors import ROOT
from tests.api.running import running
from tests.cli.commanding import Fabric, Said
from tests.modules.asking import controller, ports
from tests.modules.peers.gst_rtsp import PASSWORD, USER, gst_rtsp
from tests.modules.peers.libvirtd import libvirtd
from tests.modules.peers.openstack_swift import KEY_ID, SECRET, swift
from tests.modules.storage.storing import made_bucket

pytestmark = pytest.mark.xdist_group("libvirtd")

README = re.sub(r"\\\n\s*", " ", (ROOT / "samples" / "home-lab" / "README.md").read_text(encoding="utf-8"))
COMMANDS = [shlex.split(each) for each in re.findall(r"^\$ \.venv/bin/fabric (.*)$", README, re.MULTILINE)]
PATIENCE = 60.0


class Lab(msgspec.Struct, frozen=True):
    """What a person has: `own` are his words for the README's; `crash` ends a machine of his."""

    own: Mapping[str, str]
    asked: Mapping[str, str]
    crash: Callable[[], None]

    def words(self, command: list[str]) -> list[str]:
        """The README's command as he types it; what he would be asked for stands in a file."""
        adapted = []
        for word in command:
            mine = word
            for theirs, ours in self.own.items():
                mine = mine.replace(theirs, ours)
            adapted += shlex.split(mine) if mine != word and " --" in mine else [self.asked.get(mine, mine)]
        return adapted


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """All of it running, and a server beside it."""
    for name, text in {"user": USER, "password": PASSWORD, "key-id": KEY_ID, "secret": SECRET}.items():
        (tmp_path / f"{name}.txt").write_text(text)
    with (
        gst_rtsp("digest") as camera,
        libvirtd() as host,
        swift(_made(tmp_path / "swift")) as store,
        running(_made(tmp_path / "data")) as server,
    ):
        host.add("nas")
        _make_bucket({"address": store.address, "bucket": "home"})
        monkeypatch.setenv("FABRIC_URL", "http://{}:{}".format(*server.address))
        monkeypatch.setenv("FABRIC_DATA_DIR", str(server.data))
        own = {
            "rtsp://10.0.0.20:554": camera.address,
            "/stream1": "/ball",
            "@user.txt": f"@{tmp_path}/user.txt",
            "@key-id.txt": f"@{tmp_path}/key-id.txt",
            "https://s3.example.org": store.address,
            "uri=qemu:///system": f"uri=qemu:///session --setting socket={host.socket}",
            "poll_seconds=15": "poll_seconds=1",
            "samples/": f"{ROOT}/samples/",
        }
        asked = {
            "password": f"password=@{tmp_path}/password.txt",
            "secret_access_key": f"secret_access_key=@{tmp_path}/secret.txt",
        }
        yield Lab(own, asked, lambda: host.kill("nas"))


@pytest.fixture
def fabric(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fabric:
    """The command line."""
    return Fabric(monkeypatch, capsys)


def test_the_readme_is_followed_word_for_word(lab: Lab, fabric: Fabric) -> None:
    said = [
        fabric(*lab.words(each)) for each in COMMANDS if each[0] in ("controllers", "sync") and "drivers" not in each
    ]
    assert len(said) == 7
    assert [each.err + each.out for each in said if each.code] == []

    waiting = _until(lambda: fabric("changes", "ls", "--json"), _holds("storage.store_blob"))
    assert fabric("changes", "apply", _id_of(waiting, "storage.store_blob"), "--yes").code == 0

    _until(lambda: fabric("events", "ls", "--json"), lambda told: "device.discovered" in told.out and "nas" in told.out)
    lab.crash()
    waiting = _until(lambda: fabric("changes", "ls", "--json"), _holds("hypervisor.vm.start"))
    assert _holds("hypervisor.vm.snapshot")(waiting)
    applied = fabric("changes", "apply", _id_of(waiting, "hypervisor.vm.start"), "--yes", "--json")
    assert applied.code == 0, applied.err
    _until(
        lambda: fabric("events", "ls", "--json"), lambda told: '"online"' in told.out and "status.changed" in told.out
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _make_bucket(settings: Mapping[str, str]) -> None:
    async def make() -> None:
        target = controller("s3", settings, {"access_key_id": KEY_ID, "secret_access_key": SECRET})
        async with ports() as real:
            await made_bucket(target, real)

    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(make())


def _holds(operation: str) -> Callable[[Said], bool]:
    return lambda said: any(each["operation_id"] == operation for each in said.json)


def _id_of(said: Said, operation: str) -> str:
    return str(next(each["id"] for each in said.json if each["operation_id"] == operation))


def _until(ask: Callable[[], Said], good: Callable[[Said], bool]) -> Said:
    until = time.monotonic() + PATIENCE
    while not good(said := ask()):
        assert time.monotonic() < until, said
        time.sleep(0.2)
    return said

"""Streams over TLS: a camera's certificate is looked at."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from tests.modules.cameras.calling import Caller
from tests.modules.peers.certificate_files import self_signed
from tests.modules.peers.gst_rtsp import PASSWORD, USER, GstRtsp, gst_rtsp


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GstRtsp, Path]]:
    both, certificate = self_signed()
    file = tmp_path_factory.mktemp("trust") / "camera.pem"
    file.write_text(certificate)
    with gst_rtsp("digest", both) as peer:
        yield peer, file


def caller(peer: GstRtsp, **more: Json) -> Caller:
    settings = {"address": peer.address, "cameras": {"porch": {"path": "/ball"}}, **more}
    return Caller("rtsp", settings, {"username": USER, "password": PASSWORD})


@pytest.mark.covers("cameras.snapshot", driver="rtsp", peer="gst-rtsp-server")
async def test_a_picture_is_taken_where_the_certificate_is_trusted(
    trusted: tuple[GstRtsp, Path], record_property: Callable[[str, object], None]
) -> None:
    peer, file = trusted
    record_property("peer_version", peer.version)
    found = caller(peer, ca_file=str(file))
    taken = await found.ask("cameras.snapshot", camera_id="porch")
    assert found.artifacts.held[taken["artifact"]["token"]].startswith(b"\xff\xd8\xff")
    (camera,) = await found.open().devices()
    assert camera.online


async def test_nobody_is_trusted_by_himself(trusted: tuple[GstRtsp, Path]) -> None:
    found = caller(trusted[0])
    for asking in (found.ask("cameras.snapshot", camera_id="porch"), found.open().devices()):
        with pytest.raises(FabricError) as refused:
            await asking
        assert refused.value.code == "TARGET_UNREACHABLE"
        assert "certificate is not trusted" in refused.value.message
        assert "ca_file" in (refused.value.hint or "")


async def test_a_certificate_that_has_ended_is_none(tmp_path: Path) -> None:
    both, certificate = self_signed(days=-1)
    file = tmp_path / "camera.pem"
    file.write_text(certificate)
    with gst_rtsp("none", both) as peer, pytest.raises(FabricError) as refused:
        await caller(peer, ca_file=str(file)).ask("cameras.snapshot", camera_id="porch")
    assert refused.value.code == "TARGET_UNREACHABLE"
    assert "certificate is not trusted" in refused.value.message


async def test_a_file_without_certificates_is_said_to_be_that(trusted: tuple[GstRtsp, Path], tmp_path: Path) -> None:
    file = tmp_path / "empty.pem"
    file.write_text("nothing")
    with pytest.raises(FabricError) as refused:
        await caller(trusted[0], ca_file=str(file)).ask("cameras.snapshot", camera_id="porch")
    assert "`ca_file`" in refused.value.message

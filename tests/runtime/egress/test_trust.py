"""A controller's `ca_file`: whose certificates count for it, and for nobody else."""

from pathlib import Path

import pytest

from catalog.errors import TargetFailed
from catalog.provider import Target
from runtime.egress.client import EgressClient
from runtime.egress.guard import Guard
from tests.fakes.certificates import authority_pem, serving
from tests.fakes.outside import Names, Outside, outside

HOST = "nas.lan"


def client_of(world: Outside) -> EgressClient:
    guard = Guard(resolver=Names({HOST: (("10.0.0.9",),)}), configured=True)
    return EgressClient(Guard(), controllers=guard, open_socket=world.open_socket)


def target(ca_file: object) -> Target:
    settings = {"address": f"https://{HOST}", "ca_file": ca_file}
    return Target(id="c", organisation_id="o", site_id="s", driver="s3", settings=settings)


async def ask(world: Outside, ca_file: object) -> int:
    answer = await client_of(world).send("controller", "PUT", f"https://{HOST}/x", {}, b"y", target=target(ca_file))
    return answer.status


async def test_a_controllers_own_authority_is_trusted_and_the_systems_are_not(tmp_path: Path) -> None:
    ours = tmp_path / "ca.pem"
    ours.write_bytes(authority_pem())
    async with outside(tmp_path, serving(HOST)) as world:
        assert await ask(world, str(ours)) == 200
        for stranger in ("", None, 7):
            with pytest.raises(TargetFailed) as refused:
                await ask(world, stranger)
            assert refused.value.code == "EGRESS_TLS"
    assert len(world.requests) == 1


async def test_an_expired_certificate_of_that_authority_is_refused(tmp_path: Path) -> None:
    ours = tmp_path / "ca.pem"
    ours.write_bytes(authority_pem())
    async with outside(tmp_path, serving(HOST, expired=True)) as world:
        with pytest.raises(TargetFailed) as refused:
            await ask(world, str(ours))
    assert refused.value.code == "EGRESS_TLS"
    assert world.requests == []


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\xff\xfe"])
async def test_a_file_that_holds_no_certificate_is_said_to_be_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    async with outside(tmp_path, serving(HOST)) as world:
        with pytest.raises(TargetFailed) as refused:
            await ask(world, str(file))
    assert refused.value.code == "EGRESS_TLS"
    assert "ca_file" in refused.value.message
    assert world.connects == []

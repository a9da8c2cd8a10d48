"""Without IPv6 nothing is connected to over it: not by a name that has such an address, nor by the address itself."""

from pathlib import Path

import pytest

from catalog.errors import TargetFailed
from runtime.egress import Guard
from runtime.egress.client import EgressClient
from runtime.egress.connector import only_ipv4
from tests.fakes.outside import Names, outside

BOTH = Names({"both.example.com": [["2606:2800:21f:cb07:6820:80da:af6b:8b2c", "93.184.215.14"]]})


async def test_a_name_with_both_kinds_is_reached_by_the_older(tmp_path: Path) -> None:
    async with outside(tmp_path) as world:
        client = EgressClient(Guard((), (), BOTH), open_socket=only_ipv4(world.open_socket))
        answer = await client.send("guest", "GET", "http://both.example.com/", {}, b"")
        assert answer.status == 200
        assert world.connects == ["93.184.215.14"]


async def test_an_address_of_the_newer_kind_cannot_be_reached(tmp_path: Path) -> None:
    url = "http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/"
    async with outside(tmp_path) as world:
        client = EgressClient(Guard((), (), BOTH), open_socket=only_ipv4(world.open_socket))
        with pytest.raises(TargetFailed) as failed:
            await client.send("guest", "GET", url, {}, b"")
        assert failed.value.code == "EGRESS_UNREACHABLE"
        assert world.connects == []
        await EgressClient(Guard((), (), BOTH), open_socket=world.open_socket).send("guest", "GET", url, {}, b"")
        assert len(world.connects) == 1, "where it is enabled, it can"

"""Ports with the real way out to controllers; what no driver's call uses refuses."""

from collections.abc import AsyncIterator, Sequence

from bench.void import Void
from catalog.artifacts import ArtifactRef
from catalog.provider import Call, Ports
from runtime.egress import Guard
from runtime.egress.client import EgressClient


class _Nothing:
    """Log, mail, inbox and artifacts in one: none is used."""

    def line(self, message: str | None, call: Call) -> None:
        raise Void("a driver logged")

    async def send(self, recipients: Sequence[str], subject: str, body: str, message_id: str) -> None:
        raise Void("a driver sent mail")

    async def deliver(self, organisation_id: str, delivery_id: str, title: str, body: str, source: str) -> str:
        raise Void("a driver notified")

    async def put(self, content: bytes, media_type: str) -> ArtifactRef:
        raise Void("a driver kept an artifact")

    def open(self, artifact: ArtifactRef) -> AsyncIterator[bytes]:
        raise Void("a driver opened an artifact")


def bench_ports() -> Ports:
    """What a driver is given in a server."""
    nothing = _Nothing()
    http = EgressClient(Guard(), controllers=Guard(configured=True))
    return Ports(log=nothing, http=http, mail=nothing, inbox=nothing, artifacts=nothing)

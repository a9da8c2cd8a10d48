"""Outgoing: a plugin's requests to the world: only to hosts that the organisation granted, and through the guard."""

import asyncio
from collections.abc import Collection

from catalog.errors import FabricError, Forbidden, Invalid, TargetFailed, TargetTimeout
from catalog.provider import Http
from catalog.urls import parse_url
from runtime.daemon.outbound import permits
from runtime.wasm.launch import Outgoing
from runtime.wasm.messages import decode_request, encode_answer
from runtime.wasm.modules.fabrickfile import NetworkCapability


def granted_only(http: Http, hosts: Collection[str], seconds: float) -> Outgoing:
    """What carries out requests to these hosts; every other one is answered with a refusal."""
    granted = NetworkCapability(connect=tuple(hosts))

    async def carry(message: bytes) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await _answer(http, granted, message)
        except TimeoutError:
            return _refused(TargetTimeout("EGRESS_TIMEOUT", f"There was no answer within {seconds:g} seconds."))
        except FabricError as error:
            return _refused(error)

    return carry


async def _answer(http: Http, granted: NetworkCapability, message: bytes) -> bytes:
    request = decode_request(message)
    try:
        destination = parse_url(request.path.decode("ascii"))
    except UnicodeDecodeError:
        raise Invalid("URL_CONTROL_OR_SPACE", "The URL is not ASCII.", hint="Encode it.") from None
    if permits(granted, destination.host, destination.port) is not None:
        raise Forbidden("PLUGIN_HOST", f"The plugin was not granted `{destination.host}:{destination.port}`.")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    answer = await http.send("guest", request.method.decode("latin-1"), destination.url, headers, request.body)
    if answer.truncated:
        raise TargetFailed("EGRESS_OVERFLOW", "The answer is larger than a plugin may be given.")
    found = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in answer.headers.items()
    ]
    return encode_answer(answer.status, found, answer.body)


def _refused(error: FabricError) -> bytes:
    reason = error.message.encode("ascii", "replace")
    return encode_answer(0, [(b"content-type", b"text/plain"), (b"x-fabric-reason", reason)], error.code.encode())

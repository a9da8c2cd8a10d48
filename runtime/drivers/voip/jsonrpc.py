"""JSON-RPC over HTTP, as Kamailio's modules jsonrpcs and xhttp speak it."""

import base64
from collections.abc import Sequence
from typing import TypeVar, cast

import msgspec

from runtime.drivers.failures import auth_failed, refused
from runtime.drivers.link import Link
from runtime.drivers.printable import printable
from runtime.drivers.voip.settings import KamailioSettings, Login

T = TypeVar("T")

_NO_METHOD = -32601


class Refusal(msgspec.Struct, frozen=True):
    """Why it does not: what the other side says."""

    code: int = 0
    message: str = ""

    @property
    def no_such_method(self) -> bool:
        """Is the method not there at all? Kamailio before 5.8 says so in words alone."""
        return self.code == _NO_METHOD or self.message.lower() == "method not found"


class _Answer(msgspec.Struct, frozen=True):
    result: msgspec.Raw = msgspec.Raw()
    error: Refusal | None = None


class Rpc:
    """Calls methods of one controller."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._settings = cast(KamailioSettings, link.settings)
        self._login = cast(Login, link.credentials)

    async def call(self, method: str, params: Sequence[str], kind: type[T]) -> T | Refusal:
        """The method's result. Raises FabricError TARGET_*; a method's own error is a value."""
        target = self._link.target
        body = msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
        async with self._link.reaching(f"`{method}`"):
            came = await self._link.ports.http.send(
                "controller", "POST", self._settings.address, self._headers(), body, target=target
            )
        if came.status in (401, 403):
            raise auth_failed(target)
        if came.truncated:
            raise refused(target, f"its answer to `{method}` has no end", f"It is read up to {len(came.body)} bytes.")
        try:
            answer = msgspec.json.decode(came.body, type=_Answer)
            if answer.error is not None:
                return answer.error
            if bytes(answer.result):
                return msgspec.json.decode(answer.result, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        said = printable(f"HTTP {came.status}, {came.headers.get('content-type', 'no content type')}")
        raise refused(target, f"its answer to `{method}` is no JSON-RPC that can be read ({said})", _HINT)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._login.username:
            pair = f"{self._login.username}:{self._login.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return headers


_HINT = "Does `address` name the path where `event_route[xhttp:request]` calls `jsonrpc_dispatch()`?"

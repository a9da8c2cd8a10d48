"""Door: the guarded way to a controller over HTTP, with the login that it asks for."""

import secrets
from collections.abc import Awaitable, Mapping

from catalog.provider import Answer
from runtime.drivers.cameras.settings import Login
from runtime.drivers.challenge import Challenge, answer, read_challenge
from runtime.drivers.failures import auth_failed
from runtime.drivers.link import Link


class _Key:
    """What a controller asked for last, so that the next request need not be refused first."""

    def __init__(self) -> None:
        self.challenge: Challenge | None = None
        self.uses = 0

    def turn(self, login: Login, method: str, uri: str) -> dict[str, str]:
        """The header to send along now."""
        if self.challenge is None:
            return {}
        self.uses += 1
        cnonce = secrets.token_hex(8)
        header = answer(
            self.challenge, login.username, login.password, method=method, uri=uri, count=self.uses, cnonce=cnonce
        )
        return {"Authorization": header}


class Door:
    """Sends requests to one controller. `base` is its address without a path at the end."""

    def __init__(self, link: Link, base: str, login: Login) -> None:
        self._link = link
        self._base = base.rstrip("/")
        self._login = login

    async def ask(
        self, path: str, what: str, *, method: str = "GET", headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> Answer:
        """One answer, whatever its status, except that the login was done. `what` is said in errors.

        Raises FabricError TARGET_UNREACHABLE, TARGET_TIMEOUT, TARGET_REFUSED, TARGET_AUTH_FAILED.
        """
        key = self._key()
        async with self._link.reaching(what):
            came = await self._send(path, method, {**headers, **key.turn(self._login, method, self._uri(path))}, body)
            if came.status == 401 and self._login.username and self._asked(key, came):
                came = await self._send(
                    path, method, {**headers, **key.turn(self._login, method, self._uri(path))}, body
                )
        if came.status == 401:
            key.challenge = None
            if not self._login.username:
                raise auth_failed(self._link.target, "it wants a user name and a password")
            raise auth_failed(self._link.target)
        return came

    def _asked(self, key: _Key, came: Answer) -> bool:
        challenge = read_challenge(came.headers.get("www-authenticate", ""))
        if challenge is None or (key.challenge is not None and challenge.nonce == key.challenge.nonce):
            return False
        key.challenge, key.uses = challenge, 0
        return True

    def _key(self) -> _Key:
        kept = ("cameras", "door", self._link.target.id, self._base, self._login.username, self._login.password)
        return self._link.ports.residents.keep(kept, _Key, lambda _: None)

    def _uri(self, path: str) -> str:
        """Path and query as the server sees them: an address may have a path of its own."""
        return "/" + (self._base + path).split("/", 3)[3]

    def _send(self, path: str, method: str, headers: Mapping[str, str], body: bytes) -> Awaitable[Answer]:
        return self._link.ports.http.send(
            "controller", method, self._base + path, headers, body, target=self._link.target
        )

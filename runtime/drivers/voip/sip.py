"""The driver `sip`: asks a proxy for its telephones, or a telephone for itself, by `OPTIONS`."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import cast

import msgspec

from catalog.errors import FabricError
from runtime.drivers.challenge import Challenge, answer, read_challenge
from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import auth_failed, not_found, refused
from runtime.drivers.link import Link
from runtime.drivers.printable import printable
from runtime.drivers.trying import counted, tried
from runtime.drivers.voip.face import Phone
from runtime.drivers.voip.phone_ids import record_of
from runtime.drivers.voip.settings import Login, SipSettings
from runtime.drivers.voip.sip_line import Line, line_to
from runtime.drivers.voip.sip_message import NotSip, Request, Response

AT_ONCE = 16
"""Telephones asked at the same time."""

PHONE_SECONDS = 4.0
"""How long a look waits for one telephone."""

_WANTS_LOGIN = {401: ("www-authenticate", "Authorization"), 407: ("proxy-authenticate", "Proxy-Authorization")}
_BUSY = (486, 600)
_AWAY = (408, 480)
_UNKNOWN = (404, 410, 484, 485, 604)
_THERE_ALL_THE_SAME = (405, 406, 415, 420, 488, 501)


class Sip:
    """Implements face.Telephony."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._target = link.target
        self._settings = cast(SipSettings, link.settings)
        self._login = cast(Login, link.credentials)
        self._port = self._settings.port or (5061 if self._settings.transport == "tls" else 5060)

    async def check(self) -> Sequence[Check]:
        """Ask the controller itself, then each of its telephones."""

        async def itself() -> str:
            response = await self._ask(self._uri(None))
            agent = response.headers.get("server") or response.headers.get("user-agent") or "it"
            return f"{printable(agent)} answers {response.status}"

        async def phones() -> str:
            found = await self._phones()
            return f"{sum(each.online for each in found)} of {counted(len(found), 'telephone')} there"

        first = await tried("answer", itself)
        if not first.ok or not self._settings.phones:
            return [first]
        return [first, await tried("ask its telephones", phones)]

    async def devices(self) -> Sequence[Device]:
        """The telephones of the setting `phones`. Raises FabricError TARGET_* where the controller is silent itself."""
        await self._ask(self._uri(None))
        return await self._phones()

    async def phone(self, phone_id: str) -> Phone:
        """See Telephony."""
        response = await self._ask(self._uri(phone_id))
        status, told = response.status, f"{response.status} {printable(response.reason)}"
        agent = printable(response.headers.get("user-agent") or response.headers.get("server") or "") or None
        if status in _UNKNOWN:
            raise not_found(self._target, f"no telephone `{phone_id}`", f"It answers {told}.")
        if status in _AWAY:
            return Phone(phone_id=phone_id, registered=False, state="offline", calls_known=False)
        if status in _BUSY:
            return Phone(phone_id=phone_id, registered=True, state="in_call", calls_known=True, agent=agent)
        if 200 <= status < 300 or status in _THERE_ALL_THE_SAME:
            return Phone(phone_id=phone_id, registered=True, state="idle", calls_known=False, agent=agent)
        raise refused(self._target, f"asked for `{phone_id}` it answers {told}")

    async def _phones(self) -> list[Device]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(phone_id: str) -> Device:
            async with gate:
                return await self._look(phone_id)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in self._settings.phones]
        return [each.result() for each in tasks]

    async def _look(self, phone_id: str) -> Device:
        """One that is silent, unknown or refused is offline, and says why."""
        soon = min(self._link.deadline, asyncio.get_running_loop().time() + PHONE_SECONDS)
        online, reason = False, None
        try:
            online = (await Sip(msgspec.structs.replace(self._link, deadline=soon)).phone(phone_id)).registered
        except FabricError as error:
            reason = error.message
        return Device(device_id=phone_id, name=phone_id, kind="phone", online=online, reason=reason)

    def _uri(self, phone_id: str | None) -> str:
        port = "" if self._port == 5060 or self._settings.domain else f":{self._port}"
        literal = f"[{self._settings.address}]" if ":" in self._settings.address else self._settings.address
        place = self._settings.domain or f"{literal}{port}"
        if phone_id is None:
            return f"sip:{literal}{'' if self._port == 5060 else f':{self._port}'}"
        record = record_of(phone_id)
        return f"sip:{record}" if "@" in record else f"sip:{record}@{place}"

    async def _ask(self, uri: str) -> Response:
        """The final answer. Raises FabricError TARGET_*."""
        async with self._link.reaching("OPTIONS"):
            (address, *_) = await self._link.ports.http.pin(self._settings.address, self._port)
            try:
                async with line_to(self._link, address, self._port) as line:
                    response = await self._speak(line, uri)
            except NotSip as error:
                raise refused(self._target, f"what it answers is not SIP: {error}") from None
        if response.status in _WANTS_LOGIN:
            raise (
                auth_failed(self._target)
                if self._login.username
                else auth_failed(self._target, "it wants a user name and a password")
            )
        if response.status == 403:
            raise auth_failed(self._target, f"it answers 403 {printable(response.reason)}")
        return response

    async def _speak(self, line: Line, uri: str) -> Response:
        request = Request(
            uri=uri,
            transport=line.transport,
            local=line.local,
            branch=f"z9hG4bK{secrets.token_hex(12)}",
            call_id=secrets.token_hex(16),
            tag=secrets.token_hex(8),
        )
        response = await line.ask(request)
        asked, told = _WANTS_LOGIN.get(response.status, ("", ""))
        challenge = read_challenge(response.headers.get(asked, "")) if self._login.username else None
        # Without a nonce it asks for the password itself, which RFC 3261 forbids.
        if challenge is None or not challenge.nonce:
            return response
        return await line.ask(
            msgspec.structs.replace(
                request,
                branch=f"z9hG4bK{secrets.token_hex(12)}",
                count=2,
                headers={told: self._answer(challenge, uri)},
            )
        )

    def _answer(self, challenge: Challenge, uri: str) -> str:
        return answer(
            challenge,
            self._login.username,
            self._login.password,
            method="OPTIONS",
            uri=uri,
            count=1,
            cnonce=secrets.token_hex(8),
        )

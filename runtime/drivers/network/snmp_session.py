"""An SNMP session: one agent, its credentials, and the engine of pysnmp that asks it."""

import asyncio
from collections.abc import Sequence
from typing import Final, cast

import msgspec
from pysnmp.hlapi.v3arch import asyncio as hlapi
from pysnmp.proto import errind, rfc1905
from pysnmp.proto.rfc1902 import univ

from catalog.errors import FabricError
from runtime.drivers.failures import auth_failed, refused, timed_out, unreachable
from runtime.drivers.link import Link
from runtime.drivers.network.settings import SnmpCredentials, SnmpSettings
from runtime.drivers.network.snmp_engine import Engine
from runtime.drivers.network.snmp_walk import END, Bind, Oid, Value

REPETITIONS = 25
"""Rows asked for at once; fewer where an agent says that its answer would be too big."""

TRIES, TRY_SECONDS = 3, 2.0
"""A datagram may be lost."""

_AUTH: Final = {
    "md5": hlapi.USM_AUTH_HMAC96_MD5,
    "sha": hlapi.USM_AUTH_HMAC96_SHA,
    "sha-224": hlapi.USM_AUTH_HMAC128_SHA224,
    "sha-256": hlapi.USM_AUTH_HMAC192_SHA256,
    "sha-384": hlapi.USM_AUTH_HMAC256_SHA384,
    "sha-512": hlapi.USM_AUTH_HMAC384_SHA512,
}
_PRIV: Final = {
    "des": hlapi.USM_PRIV_CBC56_DES,
    "aes": hlapi.USM_PRIV_CFB128_AES,
    "aes-192": hlapi.USM_PRIV_CFB192_AES,
    "aes-256": hlapi.USM_PRIV_CFB256_AES,
}
_NOT_LET_IN = (
    errind.WrongDigest,
    errind.UnknownUserName,
    errind.AuthenticationFailure,
    errind.DecryptionError,
    errind.UnsupportedSecurityLevel,
    errind.UnknownSecurityName,
    errind.UnknownCommunityName,
    errind.NotInTimeWindow,
)
_TOO_BIG = 1
_NO_ACCESS = (6, 16)


class Session:
    """Asks one agent for one call. Used on the event loop alone.

    Agents with a community share an engine. Each user has one of his own: what it believes of an agent's clock and
    keys is nobody else's matter.
    """

    def __init__(self, link: Link, address: str) -> None:
        self._link = link
        self._target = link.target
        self._settings = cast(SnmpSettings, link.settings)
        self._credentials = cast(SnmpCredentials, link.credentials)
        self._address = address
        self._repetitions = REPETITIONS

    async def after(self, oid: Oid) -> list[Bind]:
        """The next objects after that one. The caller bounds how long it takes. Raises FabricError TARGET_*."""
        residents = self._link.ports.residents
        while True:
            engine = residents.keep(self._key(), Engine, Engine.close)
            try:
                async with engine.using() as snmp:
                    indication, status, _, binds = await self._ask(snmp, oid)
            except asyncio.CancelledError:
                self._doubt()
                raise
            if indication is None and not int(status):
                engine.proved = True
                return [(tuple(int(part) for part in name), _plain(value)) for name, value in binds]
            if int(status) == _TOO_BIG and self._repetitions > 1:
                self._repetitions //= 2
                continue
            self._doubt()
            if not (isinstance(indication, errind.RequestTimedOut) and self._credentials.username and engine.proved):
                raise self._failure(indication, int(status))

    async def _ask(self, engine: object, oid: Oid) -> tuple[object, int, int, Sequence[tuple[Sequence[int], object]]]:
        tries = TRIES - 1 if self._credentials.username else TRIES
        patience = min(TRY_SECONDS, self._settings.timeout_seconds / (TRIES + 1))
        kind = hlapi.Udp6TransportTarget if ":" in self._address else hlapi.UdpTransportTarget
        told = await hlapi.bulk_cmd(
            engine,
            self._user(),
            await kind.create((self._address, self._settings.port), timeout=patience, retries=tries - 1),
            hlapi.ContextData(contextName=self._settings.context.encode()),
            0,
            self._repetitions,
            hlapi.ObjectType(hlapi.ObjectIdentity(oid)),
            lookupMib=False,
        )
        return cast(tuple[object, int, int, Sequence[tuple[Sequence[int], object]]], told)

    def _doubt(self) -> None:
        """What it took the agent for (its clock, its engine id) is asked for anew: an agent may have been restarted.

        pysnmp then answers nothing at all, for ever. With a community there is nothing to know of an agent.
        """
        if self._credentials.username:
            self._link.ports.residents.drop(self._key())

    def _key(self) -> tuple[object, ...]:
        if self._credentials.community:
            return ("snmp",)
        return (
            "snmp",
            self._target.id,
            msgspec.json.encode(self._settings),
            *msgspec.structs.astuple(self._credentials),
        )

    def _user(self) -> object:
        mine = self._credentials
        if mine.community:
            return hlapi.CommunityData(mine.community, mpModel=1)  # noqa: S508 - what many devices have nothing above
        return hlapi.UsmUserData(
            mine.username,
            mine.auth_password or None,
            mine.priv_password or None,
            authProtocol=_AUTH[self._settings.auth] if mine.auth_password else hlapi.USM_AUTH_NONE,
            privProtocol=_PRIV[self._settings.priv] if mine.priv_password else hlapi.USM_PRIV_NONE,
        )

    def _failure(self, indication: object, status: int) -> FabricError:
        if isinstance(indication, errind.RequestTimedOut):
            return timed_out(self._target, self._settings.timeout_seconds, "an SNMP request")
        if isinstance(indication, _NOT_LET_IN):
            return auth_failed(self._target, f"the agent says {_words(indication)}")
        if indication is not None:
            return unreachable(self._target, f"its SNMP makes no sense ({_words(indication)})")
        if status in _NO_ACCESS:
            return auth_failed(self._target, "the agent shows this community or user nothing")
        return refused(self._target, f"the agent answers with error {status}")


def _words(indication: object) -> str:
    return str(indication)[:80].lower()


def _plain(value: object) -> Value:
    if isinstance(value, rfc1905.EndOfMibView):
        return END
    if isinstance(value, univ.OctetString):
        return cast(bytes, value.asOctets())
    return int(value) if isinstance(value, univ.Integer) else None

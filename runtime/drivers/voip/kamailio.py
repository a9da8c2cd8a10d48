"""The driver `kamailio`: who is registered and who is in a call, as a Kamailio server tells it."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar, cast

import msgspec
from msgspec import field

from runtime.drivers.driver import Check, Device
from runtime.drivers.failures import refused
from runtime.drivers.link import Link
from runtime.drivers.printable import printable
from runtime.drivers.trying import counted, tried
from runtime.drivers.voip.face import MAX_PHONES, Phone
from runtime.drivers.voip.jsonrpc import Refusal, Rpc
from runtime.drivers.voip.phone_ids import host_of, is_same, record_of
from runtime.drivers.voip.settings import KamailioSettings

T = TypeVar("T")

_UNSET = "[not set]"
_EARLY, _ANSWERED = (1, 2), (3, 4)


class _Contact(msgspec.Struct, frozen=True):
    """Where a telephone can be reached. `expires` is in seconds, or a word such as `expired` or `permanent`."""

    address: str = field(name="Address", default="")
    expires: int | str = field(name="Expires", default=0)
    received: str = field(name="Received", default=_UNSET)
    agent: str = field(name="User-Agent", default="")

    @property
    def valid(self) -> bool:
        """Does it still hold?"""
        return self.expires == "permanent" or (isinstance(self.expires, int) and self.expires > 0)


class _Boxed(msgspec.Struct, frozen=True):
    contact: _Contact = field(name="Contact")


class _Record(msgspec.Struct, frozen=True):
    """An address of record and its contacts."""

    aor: str = field(name="AoR")
    contacts: list[_Boxed] = field(name="Contacts", default_factory=list)

    def find(self) -> _Contact | None:
        """A contact that holds."""
        return next((each.contact for each in self.contacts if each.contact.valid), None)


class _Info(msgspec.Struct, frozen=True):
    info: _Record = field(name="Info")


class _Domain(msgspec.Struct, frozen=True):
    name: str = field(name="Domain")
    records: list[_Info] = field(name="AoRs", default_factory=list)


class _Table(msgspec.Struct, frozen=True):
    domain: _Domain = field(name="Domain")


class _Dump(msgspec.Struct, frozen=True):
    domains: list[_Table] = field(name="Domains", default_factory=list)


class _Dialog(msgspec.Struct, frozen=True):
    """A call: `state` 1 and 2 while it is set up, 3 and 4 once it is answered, 5 when it is over."""

    state: int
    from_uri: str = ""
    to_uri: str = ""
    init_ts: int = 0
    start_ts: int = 0


class Kamailio:
    """Implements face.Telephony."""

    def __init__(self, link: Link) -> None:
        self._target = link.target
        self._table = _settings(link).table
        self._rpc = Rpc(link)

    async def check(self) -> Sequence[Check]:
        """Ask for its version, its registrations and its calls."""

        async def version() -> str:
            return printable(self._taken(await self._rpc.call("core.version", (), str), "core.version"))

        async def registrations() -> str:
            return counted(len(await self._records()), "registered telephone")

        async def calls() -> str:
            dialogs = await self._dialogs()
            if dialogs is None:
                raise refused(self._target, "its module `dialog` is not loaded, so calls cannot be seen", _LOAD)
            return counted(len(dialogs), "call")

        tries = {"answer": version, "list registrations": registrations, "list calls": calls}
        return [await tried(name, work) for name, work in tries.items()]

    async def devices(self) -> Sequence[Device]:
        """The registered telephones; one whose registration goes is no longer listed."""
        found = []
        for record in await self._records():
            contact = record.find()
            if contact is not None:
                facts = {"address": _host(contact), "agent": printable(contact.agent)}
                name = printable(record.aor, 128)
                found.append(Device(device_id=name, name=name, kind="phone", online=True, facts=facts))
        return found[:MAX_PHONES]

    async def phone(self, phone_id: str) -> Phone:
        """See Telephony. Who is not registered is offline: a registrar does not know who could be."""
        told = await self._rpc.call("ul.lookup", (self._table, record_of(phone_id)), _Record)
        if isinstance(told, Refusal) and "not found in" not in told.message:
            self._taken(told, "ul.lookup")
        contact = None if isinstance(told, Refusal) else told.find()
        if contact is None:
            return Phone(phone_id=phone_id, registered=False, state="offline", calls_known=True)
        dialogs = await self._dialogs()
        calls = [each for each in dialogs or () if _takes_part(phone_id, each)]
        answered = [each.start_ts for each in calls if each.state in _ANSWERED]
        early = [each.init_ts for each in calls if each.state in _EARLY]
        return Phone(
            phone_id=phone_id,
            registered=True,
            state="in_call" if answered else "ringing" if early else "idle",
            calls_known=dialogs is not None,
            since=min(answered or early, default=None),
            address=_host(contact),
            agent=printable(contact.agent),
        )

    async def _records(self) -> list[_Record]:
        dump = self._taken(await self._rpc.call("ul.dump", (), _Dump), "ul.dump")
        tables = [each.domain for each in dump.domains if each.domain.name == self._table]
        return [each.info for table in tables for each in islice(table.records, MAX_PHONES)]

    async def _dialogs(self) -> list[_Dialog] | None:
        """The calls under way; None where Kamailio does not follow calls."""
        told = await self._rpc.call("dlg.briefing", ("ftISs",), list[_Dialog])
        if isinstance(told, Refusal) and told.no_such_method:
            return None
        return [each for each in self._taken(told, "dlg.briefing") if each.state in (*_EARLY, *_ANSWERED)]

    def _taken(self, told: T | Refusal, method: str) -> T:
        """What was told, if it is no refusal. Raises TargetFailed TARGET_REFUSED."""
        if not isinstance(told, Refusal):
            return told
        if told.no_such_method:
            raise refused(self._target, f"it has no method `{method}`", _LOAD)
        raise refused(self._target, f"`{method}` says {printable(told.message) or 'no reason'}")


_LOAD = "Its configuration loads the modules usrloc, registrar and, for calls, dialog: see docs/modules/voip.md."


def _settings(link: Link) -> KamailioSettings:
    return cast(KamailioSettings, link.settings)


def _takes_part(phone_id: str, dialog: _Dialog) -> bool:
    return is_same(phone_id, dialog.from_uri) or is_same(phone_id, dialog.to_uri)


def _host(contact: _Contact) -> str:
    """Without user and port, which change with every registration behind a router."""
    seen = contact.received if contact.received not in ("", _UNSET) else contact.address
    return printable(host_of(record_of(seen).rpartition("@")[2]))

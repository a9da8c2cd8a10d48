"""Mail through a real SMTP server on loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP as Server
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from catalog.errors import FabricError
from runtime.egress import Guard
from runtime.mail import Relay, SmtpMail
from tests.fakes.certificates import serving, trusting


@dataclass
class Postbox:
    """An aiosmtpd handler that keeps what it is given; `refuse` is answered to every RCPT instead."""

    refuse: str = ""
    envelopes: list[Envelope] = field(default_factory=list)

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    def message(self) -> EmailMessage:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        found = message_from_bytes(content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


def only_ann(server: Server, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"s3cret")
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def relay(postbox: Postbox, **facts: object) -> AsyncIterator[int]:
    """A running relay's port."""
    loop = asyncio.get_running_loop()

    def protocol() -> Server:
        return Server(postbox, hostname="relay", loop=loop, **facts)  # type: ignore[arg-type] # aiosmtpd's keywords

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def mail_to(port: int, tls: str = "none", **facts: object) -> SmtpMail:
    settings = {"host": "127.0.0.1", "port": port, "sender": "fabric@example.com", "tls": tls, **facts}
    return SmtpMail(Relay(**settings), tls=trusting(), total=3)  # type: ignore[arg-type] # fields of Relay


async def failing(mail: SmtpMail, recipients: Sequence[str] = ("ann@example.com",)) -> str:
    with pytest.raises(FabricError) as failed:
        await mail.send(recipients, "s", "b", "run-1.0")
    assert not any(word in str(failed.value) for word in ("127.0.0.1", "s3cret"))
    return failed.value.code


async def test_a_message_arrives_with_a_message_id_that_repeats_share() -> None:
    postbox = Postbox()
    async with relay(postbox) as port:
        for delivery in ("run-1.0", "run-1.0", "run-1.1"):
            await mail_to(port).send(["ann@example.com", "bob@example.com"], "Tür auf", "Grüße\n.\nEnde", delivery)
    envelope = postbox.envelopes[0]
    assert envelope.mail_from == "fabric@example.com"
    assert envelope.rcpt_tos == ["ann@example.com", "bob@example.com"]
    message = postbox.message()
    assert message["Subject"] == "Tür auf"
    assert message.get_content().splitlines() == ["Grüße", ".", "Ende"]
    assert message["Auto-Submitted"] == "auto-generated"
    contents = [each.content for each in postbox.envelopes]
    ids = [message_from_bytes(each)["Message-ID"] for each in contents if isinstance(each, bytes)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@example.com>")


async def test_a_subject_cannot_add_a_header() -> None:
    postbox = Postbox()
    async with relay(postbox) as port:
        await mail_to(port).send(["ann@example.com"], "hi\r\nBcc: eve@example.com\x00", "b", "1")
    assert postbox.message()["Subject"] == "hi Bcc: eve@example.com"
    assert postbox.message()["Bcc"] is None
    assert postbox.envelopes[0].rcpt_tos == ["ann@example.com"]


async def test_an_address_with_a_line_break_is_refused() -> None:
    async with relay(Postbox()) as port:
        assert await failing(mail_to(port), ["ann@example.com\r\nBcc: eve@example.com"]) == "MAIL_ADDRESS"


async def test_starttls_is_required_when_it_is_set_and_its_certificate_is_verified() -> None:
    postbox = Postbox()
    async with relay(postbox) as port:
        assert await failing(mail_to(port, "starttls")) == "MAIL_REFUSED"
    async with relay(postbox, tls_context=serving("127.0.0.1")) as port:
        await mail_to(port, "starttls").send(["ann@example.com"], "s", "b", "1")
    assert len(postbox.envelopes) == 1
    async with relay(postbox, tls_context=serving("other.example.com")) as port:
        assert await failing(mail_to(port, "starttls")) == "MAIL_UNREACHABLE"
    assert len(postbox.envelopes) == 1


async def test_a_password_is_used_and_a_wrong_one_is_told_without_being_shown() -> None:
    postbox = Postbox()
    facts = {"authenticator": only_ann, "auth_required": True, "tls_context": serving("127.0.0.1")}
    async with relay(postbox, **facts) as port:
        await mail_to(port, "starttls", username="ann", password="s3cret").send(["ann@example.com"], "s", "b", "1")
        assert await failing(mail_to(port, "starttls", username="ann", password="no")) == "MAIL_REFUSED"
    assert len(postbox.envelopes) == 1
    assert "s3cret" not in repr(Relay(host="h", password="s3cret"))


async def test_a_refused_recipient_is_a_refusal_of_the_relay() -> None:
    async with relay(Postbox(refuse="550 no such user")) as port:
        assert await failing(mail_to(port)) == "MAIL_REFUSED"


async def test_a_relay_that_is_down_or_silent_is_told_in_time() -> None:
    assert await failing(mail_to(1)) == "MAIL_UNREACHABLE"

    left = asyncio.Event()

    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(silence, "127.0.0.1", 0)
    mail = SmtpMail(Relay(host="127.0.0.1", port=server.sockets[0].getsockname()[1], tls="none"), total=0.3)
    assert await failing(mail) == "MAIL_TIMEOUT"
    await left.wait()
    server.close()


async def test_without_a_relay_mail_is_not_configured() -> None:
    assert await failing(SmtpMail(None)) == "MAIL_UNCONFIGURED"


@pytest.mark.promise("O1")
async def test_the_relay_is_never_metadata_nor_ourselves() -> None:
    postbox = Postbox()
    async with relay(postbox) as port:
        for guard in (
            Guard((), (), lambda host: ["169.254.169.254"], configured=True),
            Guard((), [("127.0.0.1", port)], lambda host: ["127.0.0.1"], configured=True),
        ):
            mail = SmtpMail(Relay(host="relay.example.com", port=port, tls="none"), guard=guard)
            assert await failing(mail) == "MAIL_UNREACHABLE"
    assert postbox.envelopes == []

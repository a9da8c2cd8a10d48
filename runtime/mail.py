"""Mail over SMTP, to the configured relay and nowhere else."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from functools import partial

import aiosmtplib
import msgspec

from catalog.errors import FabricError, Invalid, TargetFailed, TargetTimeout, Unavailable
from runtime.egress.guard import Guard, Pinned
from runtime.egress.lookups import Lookups

TOTAL_SECONDS = 30.0
CONNECT_SECONDS = 5.0


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """The relay as the operator set it. `tls`: `starttls` (required, never skipped), `tls` from the start, `none`."""

    host: str
    port: int = 587
    sender: str = "fabric@localhost"
    username: str = ""
    password: str = ""
    tls: str = "starttls"

    def __repr__(self) -> str:
        return f"Relay(host={self.host!r}, port={self.port!r})"


class SmtpMail:
    """Implements `catalog.provider.Mail`. `relay` None: nothing is configured."""

    def __init__(
        self,
        relay: Relay | None,
        *,
        guard: Guard | None = None,
        tls: ssl.SSLContext | None = None,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self._relay = relay
        self._guard = guard or Guard(configured=True)
        self._tls = tls
        self._total = total
        self._lookups = Lookups()

    async def send(self, recipients: Sequence[str], subject: str, body: str, message_id: str) -> None:
        """Hand one message over; the same `message_id` gives the same Message-ID, so that receivers can drop repeats.

        Raises Unavailable MAIL_UNCONFIGURED, Invalid MAIL_ADDRESS, TargetFailed MAIL_REFUSED or MAIL_UNREACHABLE,
        TargetTimeout MAIL_TIMEOUT.
        """
        relay = self._relay
        if relay is None:
            raise Unavailable("MAIL_UNCONFIGURED", "No mail relay is configured.", hint="Set `FABRIC_SMTP_HOST`.")
        message = _message(relay, recipients, subject, body, message_id)
        try:
            async with asyncio.timeout(self._total):
                await self._hand_over(relay, message, recipients)
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise TargetTimeout("MAIL_TIMEOUT", "The mail relay does not answer in time.") from None
        except aiosmtplib.SMTPResponseException as error:
            raise _refused(error.code) from None
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _refused(error.recipients[0].code) from None
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError, FabricError):
            hint = "Check `FABRIC_SMTP_HOST` and `FABRIC_SMTP_PORT`."
            raise TargetFailed("MAIL_UNREACHABLE", "The mail relay cannot be reached.", hint=hint) from None
        except aiosmtplib.SMTPException:
            hint = "Set `FABRIC_SMTP_TLS` and the user name to what it offers."
            raise TargetFailed("MAIL_REFUSED", "The mail relay does not offer what is set.", hint=hint) from None

    async def _hand_over(self, relay: Relay, message: EmailMessage, recipients: Sequence[str]) -> None:
        host = f"[{relay.host}]" if ":" in relay.host else relay.host
        pinned = await self._lookups.run(partial(self._guard.check, f"https://{host}:{relay.port}/"))
        client = aiosmtplib.SMTP(
            hostname=relay.host,
            sock=await self._connected(pinned),
            local_hostname=socket.gethostname(),
            use_tls=relay.tls == "tls",
            start_tls=relay.tls == "starttls",
            username=relay.username or None,
            password=relay.password or None,
            tls_context=self._tls,
            timeout=self._total,
        )
        async with client:
            await client.send_message(message, sender=relay.sender, recipients=list(recipients))

    async def _connected(self, pinned: Pinned) -> socket.socket:
        """A socket to the first of the checked addresses that takes one."""
        failure = OSError("no address")
        for address in pinned.addresses:
            self._guard.recheck(pinned, address, pinned.port)
            opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            opened.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await asyncio.get_running_loop().sock_connect(opened, (address, pinned.port))
            except OSError as error:
                opened.close()
                failure = error
            except BaseException:
                opened.close()
                raise
            else:
                return opened
        raise failure


def _message(relay: Relay, recipients: Sequence[str], subject: str, body: str, message_id: str) -> EmailMessage:
    message = EmailMessage()
    domain = relay.sender.rpartition("@")[2] or "localhost"
    try:
        message["From"] = relay.sender
        message["To"] = ", ".join(recipients)
        message["Subject"] = " ".join("".join(c if c.isprintable() else " " for c in subject).split())
        message["Message-ID"] = f"<{hashlib.sha256(message_id.encode()).hexdigest()[:40]}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
    except ValueError:
        raise Invalid("MAIL_ADDRESS", "An e-mail address cannot be written into a header.") from None
    message.set_content(body)
    return message


def _refused(code: int) -> TargetFailed:
    return TargetFailed("MAIL_REFUSED", f"The mail relay refuses the message with {code}.", hint="Ask who runs it.")

"""Signing what we send: the seed's header pair, and the Standard Webhooks triple, which is the one to verify."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from catalog.errors import Invalid
from runtime.signatures.keys import SYMMETRIC_PREFIX, Rejected, signing_key

_ID = re.compile(r"[!-\-/-~]{1,256}\Z")


class Signer:
    """Signs deliveries with one secret. Raises Invalid SECRET_EMPTY, SECRET_MALFORMED for one that is no secret."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key = _configured_key(secret)
        self._webhook = Webhook(self._key)
        self._clock = clock

    def sign(self, delivery_id: str, body: bytes) -> dict[str, str]:
        """The headers that vouch for `body`, which is UTF-8 (JSON always is).

        `delivery_id` is the same for every repeat of the same delivery. X-Fabric-Signature covers the body alone, as
        the seed has it; the triple covers id and timestamp too.
        """
        now = int(self._clock())
        identity = webhook_id(delivery_id)
        triple = self._webhook.sign(identity, datetime.fromtimestamp(now, UTC), body.decode())
        return {
            "X-Fabric-Signature": f"sha256={hmac.new(self._key, body, hashlib.sha256).hexdigest()}",
            "X-Fabric-Timestamp": str(now),
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": triple,
        }


def whsec_form(secret: str) -> str:
    """The secret as receivers' libraries want it: `whsec_` and base64. Raises Invalid as Signer does."""
    return SYMMETRIC_PREFIX + base64.b64encode(_configured_key(secret)).decode()


def _configured_key(secret: str) -> bytes:
    try:
        return signing_key(secret)
    except Rejected as reason:
        hint = "Set `FABRIC_WEBHOOK_SIGNING_SECRET` to a plain secret or to `whsec_` and base64."
        raise Invalid(reason.code, "The signing secret cannot be used.", hint=hint) from None


def webhook_id(delivery_id: str) -> str:
    """The delivery id as a `webhook-id`: itself where it is visible ASCII without a dot, else a digest of it."""
    if _ID.match(delivery_id):
        return delivery_id
    return f"msg_{hashlib.sha256(delivery_id.encode()).hexdigest()[:40]}"

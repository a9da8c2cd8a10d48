"""Webhook signatures: `verify` for what comes in, `Signer` for what goes out."""

from runtime.signatures.signing import Signer, webhook_id, whsec_form
from runtime.signatures.verifying import SCHEMES, delivery_id, own_scheme, verify

__all__ = ["SCHEMES", "Signer", "delivery_id", "own_scheme", "verify", "webhook_id", "whsec_form"]

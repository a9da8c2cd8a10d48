"""`fabric signing-secret`: the form of the webhook secret that receivers' libraries want."""

import os

import typer

from catalog.errors import Invalid

VARIABLE = "FABRIC_WEBHOOK_SIGNING_SECRET"


def signing_secret() -> None:
    """Print FABRIC_WEBHOOK_SIGNING_SECRET in its `whsec_` form, to give to a receiver.

    Example: FABRIC_WEBHOOK_SIGNING_SECRET=… fabric signing-secret
    """
    from runtime.signatures.signing import whsec_form  # noqa: PLC0415 - keeps `--help` quick

    secret = os.environ.get(VARIABLE, "")
    if not secret:
        raise Invalid(
            "SECRET_EMPTY",
            f"`{VARIABLE}` is not set here.",
            hint="Run this with the server's environment.",
        )
    typer.echo(whsec_form(secret))

"""`fabric signing-secret`: the form of the webhook secret that receivers' libraries want."""

import os

import typer

from catalog.errors import Invalid


def signing_secret() -> None:
    """Print FABRIC_WEBHOOK_SIGNING_SECRET in its `whsec_` form, to give to a receiver.

    Example: FABRIC_WEBHOOK_SIGNING_SECRET=… fabric signing-secret
    """
    from runtime.signatures.signing import whsec_form  # noqa: PLC0415 - keeps `--help` quick

    secret = os.environ.get("FABRIC_WEBHOOK_SIGNING_SECRET", "")
    if not secret:
        raise Invalid(
            "SECRET_EMPTY",
            "`FABRIC_WEBHOOK_SIGNING_SECRET` is not set here.",
            hint="Run this with the server's environment.",
        )
    typer.echo(whsec_form(secret))

"""Every case of webhook_signatures.yaml, and what we send ourselves beside it."""

from datetime import datetime, tzinfo
from importlib.metadata import version

import pytest
import standardwebhooks.webhooks as library

from catalog.jsonvalue import Json
from runtime.signatures import Signer, delivery_id, verify
from tests.corpora.cases import check_fields, each

DELIVERY = ("id", "why", "now", "tolerance_s", "accepted_secrets")


def pairs(headers: Json) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers]


def check_verdict(expected: Json, code: str) -> None:
    assert expected["expect"] == ("accept" if code == "OK" else "reject")
    assert code == expected["code"]


def body_only_verdict(case: Json) -> str:
    """What the seed's signature header alone would allow: its value must be one that we would send, the timestamp
    beside it is judged as always."""
    body = case["body"].encode()
    headers = pairs(case["body_only"]["headers"])
    for secret in filter(None, case["accepted_secrets"]):
        sent = Signer(secret, lambda: float(case["now"])).sign("msg", body)["X-Fabric-Signature"]
        if [value for name, value in headers if name.lower() == "x-fabric-signature"] != [sent]:
            continue
        signer = Signer(secret)
        judged = [(name, value) for name, value in headers if name.lower() == "x-fabric-timestamp"]
        stamp = judged[0][1] if judged else ""
        whole = signer.sign("msg", f"{stamp}.".encode() + body)["X-Fabric-Signature"]
        judged.append(("X-Fabric-Signature", whole))
        if verify("fabric", judged, body, [secret], case["now"], case["tolerance_s"]) == "OK":
            return "accept"
    return "reject"


def check_fabric(case: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    check_fields(case, required=(*DELIVERY, "body", "body_only", "timestamp_dot_body"))
    check_fields(case["body_only"], required=("headers", "expect"))
    signed = case["timestamp_dot_body"]
    check_fields(signed, required=("headers", "expect", "code"))
    facts = (case["body"].encode(), case["accepted_secrets"], case["now"], case["tolerance_s"])
    check_verdict(signed, verify("fabric", pairs(signed["headers"]), *facts))
    assert body_only_verdict(case) == case["body_only"]["expect"]


def library_verdict(case: Json, monkeypatch: pytest.MonkeyPatch) -> str:
    class Then(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Then":
            return cls.fromtimestamp(case["now"], tz)

    monkeypatch.setattr(library, "datetime", Then)
    for secret in case["accepted_secrets"]:
        try:
            library.Webhook(secret).verify(case["payload"], dict(pairs(case["headers"])), json_parse=False)
        except (library.WebhookVerificationError, library.EmptyWebhookSecretError):
            continue
        except ValueError:
            return "raises ValueError"
        return "accept"
    return "reject"


def check_standard(case: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ("payload", "headers", "expect", "code", "official_vector", "python_library_1_1_0")
    check_fields(case, required=(*DELIVERY, *known), optional=("second_delivery",))
    facts = (case["payload"].encode(), case["accepted_secrets"], case["now"], case["tolerance_s"])
    code = verify("standard", pairs(case["headers"]), *facts)
    check_verdict(case, code)
    assert case["official_vector"] in (True, False)
    if version("standardwebhooks") == "1.1.0":
        assert library_verdict(case, monkeypatch) == case["python_library_1_1_0"]
    if "second_delivery" in case:
        seen = {delivery_id(pairs(case["headers"]))}
        again = delivery_id(pairs(case["headers"]))
        assert again is not None
        assert case["second_delivery"] == ("duplicate" if again in seen else "new")


def check_neighbour(case: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ("id", "scheme", "secret", "body", "header", "expect", "published", "kind")
    check_fields(case, required=known, optional=("now", "tolerance_s", "code", "why"))
    name, value = case["header"]
    facts = (case["body"].encode(), [case["secret"]], case.get("now", 0), case.get("tolerance_s", 300))
    code = verify(case["kind"], [(name, value)], *facts)
    check_verdict({"code": code, **case}, code)
    assert name in case["scheme"]
    assert case["published"] in (True, False)


CHECKS = {"fabric": check_fabric, "standard_webhooks": check_standard, "neighbours": check_neighbour}


@pytest.mark.promise("O3")
@pytest.mark.parametrize(("section", "case"), each("webhook_signatures.yaml", *CHECKS))
def test_webhook_signature(section: str, case: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    CHECKS[section](case, monkeypatch)

"""What we sign, everybody's library verifies; what does not verify has a reason and never an exception."""

import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from catalog.errors import Invalid
from runtime.signatures import SCHEMES, Signer, delivery_id, own_scheme, verify, webhook_id, whsec_form

BODY = b'{"a":1}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_official_library_verifies_what_we_send() -> None:
    for secret in (SECRET, "a plain secret"):
        headers = Signer(secret).sign("run-1", BODY)
        assert Webhook(whsec_form(secret)).verify(BODY, headers) == {"a": 1}


def test_our_deliveries_carry_the_seeds_pair_and_the_triple_and_the_triple_is_what_counts() -> None:
    headers = Signer("plain", lambda: 1000.9).sign("run-1", BODY)
    assert headers["X-Fabric-Signature"] == "sha256=" + hmac.new(b"plain", BODY, hashlib.sha256).hexdigest()
    assert headers["X-Fabric-Timestamp"] == headers["webhook-timestamp"] == "1000"
    assert own_scheme(headers) == "standard"
    assert verify("standard", headers, BODY, ["plain"], 1000) == "OK"
    # The pair alone covers no timestamp, so it vouches for nothing.
    assert verify("fabric", headers, BODY, ["plain"], 1000) == "SIGNATURE_MISMATCH"


def test_a_delivery_without_the_triple_is_judged_by_timestamp_and_body() -> None:
    signature = hmac.new(b"plain", b"1000." + BODY, hashlib.sha256).hexdigest()
    headers = [("x-fabric-signature", f"sha256={signature}"), ("x-fabric-timestamp", "1000")]
    assert own_scheme(headers) == "fabric"
    assert verify("fabric", headers, BODY, ["plain"], 1000) == "OK"
    assert verify("fabric", headers, BODY, [whsec_form("plain")], 1000) == "OK"


@pytest.mark.parametrize(("secret", "code"), [("", "SECRET_EMPTY"), ("whsec_", "SECRET_EMPTY")])
def test_an_empty_secret_signs_nothing_and_verifies_nothing(secret: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        Signer(secret)
    assert refused.value.code == code
    for scheme in ("fabric", "standard"):
        assert verify(scheme, {}, BODY, ["good", secret], 0) == code


def test_no_secret_at_all_is_an_empty_secret() -> None:
    assert {verify(scheme, {}, BODY, [], 0) for scheme in SCHEMES} == {"SECRET_EMPTY"}


def test_a_whsec_secret_that_is_no_base64_is_a_mistake_of_configuration() -> None:
    with pytest.raises(Invalid) as refused:
        Signer("whsec_not base64!")
    assert refused.value.code == "SECRET_MALFORMED"


def test_a_delivery_id_with_a_dot_becomes_a_digest_and_stays_the_same() -> None:
    assert webhook_id("run-1_0") == "run-1_0"
    assert webhook_id("run.1") == webhook_id("run.1") != webhook_id("run.2")
    headers = Signer("plain", lambda: 5.0).sign("run.1", BODY)
    assert verify("standard", headers, BODY, ["plain"], 5) == "OK"
    assert delivery_id(headers) == webhook_id("run.1")


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("t=1000,v1={good}", "OK"),
        ("t=1000,v0=x,v1={bad},v1={good}", "OK"),
        ("v1={good}", "TIMESTAMP_MISSING"),
        ("t=1000,t=1000,v1={good}", "TIMESTAMP_DUPLICATE"),
        ("t=01000,v1={good}", "TIMESTAMP_MALFORMED"),
        ("t=1000,v0={good}", "SIGNATURE_MALFORMED"),
        ("t=1000,v1=", "SIGNATURE_MALFORMED"),
        ("t=1000,v1", "SIGNATURE_MALFORMED"),
        ("", "SIGNATURE_MALFORMED"),
        ("t=1000,v1={bad}", "SIGNATURE_MISMATCH"),
        ("t=600,v1={good}", "TIMESTAMP_TOO_OLD"),
    ],
)
def test_stripes_header_is_read_strictly(value: str, code: str) -> None:
    good = hmac.new(b"whsec_key", b"1000." + BODY, hashlib.sha256).hexdigest()
    header = value.format(good=good, bad="0" * 64)
    assert verify("stripe", [("Stripe-Signature", header)], BODY, ["whsec_key"], 1000) == code


@pytest.mark.promise("O3", count=100)
@given(st.binary(max_size=64), st.integers(0, 511), st.text(max_size=40))
def test_one_altered_bit_anywhere_does_not_verify(body: bytes, bit: int, noise: str) -> None:
    text = body.hex().encode() + b"x"
    headers = Signer("plain", lambda: 1000.0).sign("run-1", text)
    altered = bytearray(text)
    altered[bit // 8 % len(altered)] ^= 1 << bit % 8
    assert verify("standard", headers, bytes(altered), ["plain"], 1000) == "SIGNATURE_MISMATCH"
    for scheme, name in (("standard", "webhook-signature"), ("fabric", "x-fabric-signature")):
        lower = {key.lower(): value for key, value in headers.items()}
        assert verify(scheme, {**lower, name: noise}, text, ["plain"], 1000) != "OK"


def test_comparing_takes_as_long_for_a_wrong_first_digit_as_for_a_wrong_last() -> None:
    good = hmac.new(b"plain", b"1000." + BODY, hashlib.sha256).hexdigest()
    first, last = f"{int(good[0], 16) ^ 1:x}{good[1:]}", f"{good[:-1]}{int(good[-1], 16) ^ 1:x}"

    def seconds(value: str) -> float:
        headers = [("x-fabric-signature", f"sha256={value}"), ("x-fabric-timestamp", "1000")]
        best = float("inf")
        for _ in range(60):
            began = time.perf_counter()
            for _ in range(40):
                verify("fabric", headers, BODY, ["plain"], 1000)
            best = min(best, time.perf_counter() - began)
        return best

    assert seconds(first) == pytest.approx(seconds(last), rel=0.5)

"""A device that answers with anything but what was asked costs one call; and it sends nobody anywhere."""

import pytest

from catalog.errors import FabricError
from tests.modules.cameras.calling import Caller
from tests.modules.peers.hostile_http import Behaviour, floods, hangs, hostile, resets, says

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n"
OPEN = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'


def answers(body: bytes) -> Behaviour:
    return says(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def fault(*codes: str) -> Behaviour:
    values = "".join(f"<s:Subcode><s:Value>ter:{each}</s:Value></s:Subcode>" for each in codes)
    return answers(OPEN + f"<s:Body><s:Fault><s:Code>{values}</s:Code></s:Fault></s:Body></s:Envelope>".encode())


LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + OPEN + b"<s:Body>&b;</s:Body></s:Envelope>"
FILE = b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + OPEN + b"<s:Body>&a;</s:Body></s:Envelope>"


@pytest.mark.parametrize(
    ("behave", "code", "told"),
    [
        (hangs, "TARGET_TIMEOUT", "who it is"),
        (resets, "TARGET_REFUSED", "hung up"),
        (floods(HEAD + b"\r\n"), "TARGET_REFUSED", "too long"),
        (answers(b""), "TARGET_REFUSED", "no XML"),
        (answers(b"<html></html>"), "TARGET_REFUSED", "no SOAP"),
        (answers(OPEN + b"<s:Body/></s:Envelope>"), "TARGET_REFUSED", "no SOAP"),
        (answers(LAUGHS), "TARGET_REFUSED", "document type"),
        (answers(FILE), "TARGET_REFUSED", "document type"),
        (answers(LAUGHS.decode().encode("utf-16")), "TARGET_REFUSED", "no UTF-8"),
        (answers(b"<a>" * 200_000), "TARGET_REFUSED", "too long"),
        (answers(b"<a>" * 30_000), "TARGET_REFUSED", "no XML"),
        (answers(OPEN + b"<s:Body>" + b"<a>" * 15_000 + b"</a>" * 15_000 + b"</s:Body></s:Envelope>"), None, ""),
        (fault("NotAuthorized"), "TARGET_AUTH_FAILED", "credentials"),
        (fault("InvalidArgVal", "NoProfile"), "TARGET_REFUSED", "fault"),
        (fault("ActionNotSupported"), "TARGET_REFUSED", "fault"),
        (says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"), "TARGET_REFUSED", "answers 302"),
    ],
)
async def test_what_it_answers_costs_one_call(behave: Behaviour, code: str | None, told: str) -> None:
    with hostile(behave) as port:
        settings = {"address": f"http://127.0.0.1:{port}", "timeout_seconds": 0.5 if behave is hangs else 5}
        found = Caller("onvif", settings, {})
        if code is None:
            # Deep, but XML: nothing that was asked for is in it.
            assert await found.open().devices() == []
            return
        with pytest.raises(FabricError) as refused:
            await found.ask("cameras.list")
    assert refused.value.code == code
    assert told in refused.value.message

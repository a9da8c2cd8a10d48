"""Every case of ssrf.yaml, driven through the real client with a fake resolver and a fake connector."""

import errno
import ipaddress
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from catalog.errors import Invalid, TargetFailed
from catalog.headers import check_headers, is_reserved
from catalog.jsonvalue import Json
from catalog.provider import Answer
from runtime.egress import Guard, Refused
from runtime.egress.client import EgressClient, Limits
from tests.corpora.cases import check_fields, each
from tests.fakes.certificates import serving, trusting
from tests.fakes.outside import Names, Outside, outside

ALWAYS = ("id", "tag", "url", "expect", "code", "why")
SETTING = ("dns", "allow_hosts", "self_addresses", "env", "headers", "response", "profile")
EXPECTED = (
    *("connect_to", "connects", "first_connect", "must_not_connect", "max_lookups", "sent_host"),
    *("expect_if_following", "py311_is_private", "py311_is_global"),
)
HOPS = 3

Told = Answer | Refused | TargetFailed
"""What a delivery came to."""


def own_addresses(entries: Sequence[Json]) -> list[tuple[str, int | None]]:
    """`ip`, `ip:port`, `[ip6]:port`, `[ip, port]` or `{address, port}`."""
    found: list[tuple[str, int | None]] = []
    for entry in entries:
        if isinstance(entry, dict):
            check_fields(entry, required=("address",), optional=("port",))
            found.append((entry["address"], entry.get("port")))
        elif isinstance(entry, list):
            found.append((entry[0], entry[1]))
        elif entry.startswith("[") or entry.count(":") == 1:
            parts = urlsplit(f"//{entry}")
            found.append((parts.hostname or "", parts.port))
        else:
            found.append((entry, None))
    return found


def guard_of(case: Json, names: Names) -> Guard:
    return Guard(case.get("allow_hosts", ()), own_addresses(case.get("self_addresses", ())), names)


def raw_answer(response: Json) -> bytes:
    known = ("status", "location", "headers", "body", "body_bytes")
    check_fields(response, required=(), optional=known)
    body: bytes = response.get("body", "").encode() or b"x" * response.get("body_bytes", 0)
    headers = {"Content-Length": str(len(body)), **response.get("headers", {})}
    if "location" in response:
        headers["Location"] = response["location"]
    lines = [f"HTTP/1.1 {response.get('status', 200)} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def deliver(case: Json, guard: Guard, world: Outside) -> Told:
    client = EgressClient(guard, tls=trusting(), open_socket=world.open_socket, limits=Limits(total=5))
    try:
        return await client.send("webhook", "POST", case["url"], case.get("headers", {}), b"{}")
    except (Refused, TargetFailed) as error:
        return error


def decision_if_following(case: Json, guard: Guard) -> str:
    """A follower asks the guard at every hop and stops after three; the host that redirected redirects again."""
    url = first = case["url"]
    for _ in range(HOPS):
        if "location" not in case["response"] or urlsplit(url).hostname != urlsplit(first).hostname:
            return "allow"
        url = urljoin(url, case["response"]["location"])
        try:
            guard.check(url)
        except Refused:
            return "deny"
    return "deny" if urlsplit(url).hostname == urlsplit(first).hostname else "allow"


def check_denied(case: Json, guard: Guard, world: Outside, told: Told) -> None:
    assert isinstance(told, Refused)
    assert told.code == case["code"]
    assert world.connects == []
    with pytest.raises(Refused) as again:
        guard.check(case["url"])
    assert again.value.code == case["code"]
    shown = json.dumps([told.message, told.hint, told.details])
    for answers in case.get("dns", {}).values():
        assert not any(address in shown for answer in answers for address in answer)


def check_allowed(case: Json, world: Outside, told: Told) -> None:
    assert case["code"] == "OK"
    assert isinstance(told, Answer), told
    expected = case.get("response", {})
    assert told.status == expected.get("status", 200)
    long = len(expected.get("body", "").encode()) or expected.get("body_bytes", 0)
    assert (len(told.body), told.truncated) == (min(long, 16384), long > 16384)
    if case["url"].lower().startswith("https:") and not guard_is_literal(case["url"]):
        assert world.names == [(urlsplit(case["url"]).hostname or "").removesuffix(".")]


def guard_is_literal(url: str) -> bool:
    return Guard().examine(url).literal


def check_connections(case: Json, world: Outside) -> None:
    expected = case.get("connects")
    if isinstance(expected, int):
        assert len(world.connects) == expected
    elif expected is not None:
        assert world.connects == expected
    first = case.get("first_connect", "")
    fails = hasattr(errno, first)
    if "connect_to" in case:
        reached = world.connects[1:] if fails and len(set(world.connects)) > 1 else world.connects
        assert set(reached) == {case["connect_to"]}
    if first and not fails:
        assert world.connects[0] == first
    assert not set(world.connects) & set(case.get("must_not_connect", ()))


def check_headers_sent(case: Json, world: Outside) -> None:
    given = case.get("headers", {})
    sent = world.requests[0]
    if "sent_host" in case:
        assert sent.values("Host") == [case["sent_host"]]
    for name, value in given.items():
        assert (value in sent.values(name)) is not is_reserved(name)
    if any(map(is_reserved, given)):
        with pytest.raises(Invalid) as refused:
            check_headers(given)
        assert refused.value.code == "PARAM_HEADER"


def check_ipaddress_flags(case: Json) -> None:
    if sys.version_info[:3] != (3, 11, 7):
        return  # the flags were written down from that one version, and others differ: that is their point
    for name in ("is_private", "is_global"):
        if f"py311_{name}" in case:
            literal = ipaddress.ip_address(urlsplit(case["url"]).hostname or "")
            assert getattr(literal, name) is case[f"py311_{name}"]


@pytest.mark.promise("O1")
@pytest.mark.parametrize(("section", "case"), each("ssrf.yaml", "cases"))
async def test_ssrf(section: str, case: Json, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_fields(case, required=ALWAYS, optional=(*SETTING, *EXPECTED))
    assert section == "cases"
    assert case["expect"] in ("allow", "deny")
    assert case.get("profile") in (None, "hardening")
    check_ipaddress_flags(case)
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    names = Names(case.get("dns", {}))
    guard = guard_of(case, names)
    secure = case["expect"] == "allow" and case["url"].lower().startswith("https:")
    host = Guard(configured=True).examine(case["url"]).host if secure else ""
    async with outside(tmp_path, serving(host) if secure else None) as world:
        world.answer = raw_answer(case.get("response", {}))
        failing = getattr(errno, case.get("first_connect", ""), None)
        if failing is not None:
            world.failures = [failing]
        told = await deliver(case, guard, world)
        assert len(names.asked) <= case.get("max_lookups", len(names.asked))
        if failing is not None and isinstance(told, TargetFailed):
            assert told.code == "EGRESS_UNREACHABLE"
            # The next attempt of the step asks DNS anew: it is checked anew, and may be refused.
            again = await deliver(case, guard, world)
            assert isinstance(again, (Answer, Refused))
            check_connections(case, world)
            return
        if case["expect"] == "deny":
            check_denied(case, guard_of(case, Names(case.get("dns", {}))), world, told)
        else:
            check_allowed(case, world, told)
            check_headers_sent(case, world)
        check_connections(case, world)
    if "expect_if_following" in case:
        assert decision_if_following(case, guard_of(case, names)) == case["expect_if_following"]

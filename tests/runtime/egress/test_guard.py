"""Rules of the guard that no case of the corpus states by itself."""

import socket
from collections.abc import Sequence

import pytest

from catalog.errors import TargetFailed
from runtime.egress import ConnectRefused, Guard, Refused

PUBLIC = "93.184.215.14"


def resolving(*answers: str) -> Guard:
    return Guard((), (), lambda host: answers)


def code_of(guard: Guard, url: str) -> str:
    try:
        guard.check(url)
    except Refused as refused:
        return refused.code
    return "OK"


def test_a_pinned_destination_says_where_and_nowhere_else() -> None:
    pinned = resolving(PUBLIC, "2606:4700:4700::1111", PUBLIC).check("HTTPS://Hooks.Example.com.:8443/x")
    assert (pinned.scheme, pinned.host, pinned.port) == ("https", "hooks.example.com", 8443)
    assert pinned.addresses == (PUBLIC, "2606:4700:4700::1111")


@pytest.mark.promise("O1")
@pytest.mark.parametrize(("address", "port"), [("93.184.215.15", 80), (PUBLIC, 81), ("127.0.0.1", 80), ("x", 80)])
def test_the_recheck_knows_only_what_was_pinned(address: str, port: int) -> None:
    guard = resolving(PUBLIC)
    pinned = guard.check("http://hooks.example.com/")
    guard.recheck(pinned, PUBLIC, 80)
    with pytest.raises(ConnectRefused):
        guard.recheck(pinned, address, port)


@pytest.mark.parametrize("answers", [(), ("fe80::1%eth0",), ("nonsense",)])
def test_no_answer_and_an_unreadable_answer_are_refused(answers: Sequence[str]) -> None:
    expected = "SSRF_NEVER" if answers else "SSRF_DNS_EMPTY"
    assert code_of(resolving(*answers), "http://hooks.example.com/") == expected


def test_a_name_that_does_not_exist_is_refused_and_dns_that_cannot_say_now_is_no_refusal() -> None:
    def failing(host: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME if host.startswith("absent") else socket.EAI_AGAIN, "")

    assert code_of(Guard((), (), failing), "http://absent.example.com/") == "SSRF_DNS_EMPTY"
    with pytest.raises(TargetFailed) as failed:
        Guard((), (), failing).check("http://hooks.example.com/")
    assert failed.value.code == "EGRESS_UNREACHABLE"


def test_one_bad_answer_among_many_refuses_all() -> None:
    assert code_of(resolving(PUBLIC, "8.8.8.8", "10.0.0.1"), "http://hooks.example.com/") == "SSRF_PRIVATE"


def test_a_listed_name_lifts_private_but_not_loopback() -> None:
    def code(allowed: Sequence[str], address: str) -> str:
        return code_of(Guard(allowed, (), lambda host: [address]), "http://localhost/")

    assert code([], "127.0.0.1") == "SSRF_NAME"
    assert code(["localhost"], "127.0.0.1") == "SSRF_LOOPBACK"
    assert code(["localhost", "127.0.0.1"], "127.0.0.1") == "OK"
    assert code(["localhost"], "10.0.0.1") == "OK"


@pytest.mark.parametrize("entry", ["*", "*.lan", ".lan", "lan", "nas.lan:80", "http://nas.lan/", "192.168.0.0/16"])
def test_an_entry_that_is_not_an_exact_host_lifts_nothing(entry: str) -> None:
    guard = Guard([entry], (), lambda host: ["192.168.1.20"])
    assert code_of(guard, "http://nas.lan/") == "SSRF_NAME"
    assert code_of(guard, "http://192.168.1.20/") == "SSRF_PRIVATE"


def test_our_own_pair_is_refused_even_when_its_address_is_listed() -> None:
    guard = Guard(["127.0.0.1", "::1"], [("127.0.0.1", 8642), ("::1", 8642)])
    assert code_of(guard, "http://127.0.0.1:8642/") == "SSRF_SELF"
    assert code_of(guard, "http://[::1]:8642/") == "SSRF_SELF"
    assert code_of(guard, "http://127.0.0.1:5678/") == "OK"


@pytest.mark.parametrize("wild", ["0.0.0.0", "::"])
def test_listening_everywhere_makes_every_address_of_ours_our_own(wild: str) -> None:
    guard = Guard(["127.0.0.1", "127.9.9.9"], [(wild, 8642)])
    assert code_of(guard, "http://127.9.9.9:8642/") == "SSRF_SELF"
    assert code_of(guard, "http://127.9.9.9:8643/") == "OK"


def test_a_self_address_that_is_no_address_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="not an IP address"):
        Guard((), ["localhost"])


def test_a_configured_address_may_be_private_but_never_metadata_nor_ourselves() -> None:
    guard = Guard((), [("127.0.0.1", 8642)], lambda host: ["10.0.0.9"], configured=True)
    assert code_of(guard, "http://nas.lan:22/") == "OK"
    assert code_of(guard, "http://127.0.0.1:554/") == "OK"
    assert code_of(guard, "http://169.254.169.254/") == "SSRF_NEVER"
    assert code_of(guard, "http://[fd00:ec2::254]/") == "SSRF_NEVER"
    assert code_of(guard, "http://127.0.0.1:8642/") == "SSRF_SELF"


@pytest.mark.promise("O1")
@pytest.mark.parametrize("url", ["http://10.1.2.3/", "http://meta.example.com/s3cret?t=s3cret", "http://127.0.0.1:9/"])
def test_a_refusal_names_no_address_and_quotes_no_url(url: str) -> None:
    with pytest.raises(Refused) as refused:
        resolving("169.254.169.254").check(url)
    told = f"{refused.value} {refused.value.message} {refused.value.hint} {refused.value.details}"
    assert not any(word in told for word in ("10.1.2.3", "169.254", "127.0.0.1", "s3cret", "meta.example"))

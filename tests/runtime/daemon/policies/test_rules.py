"""Rules: what a set of policies says of a connection and of a service, by tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.daemon.policies import Deny, Party, Policy, Require, Warn
from runtime.daemon.policies.rules import judge_connection, judge_service, outside_party, service_party
from runtime.daemon.spec import NetworkSpec, ServiceSpec

CORE = NetworkSpec(name="core", encryption="required", audit_all=True)
EDGE = NetworkSpec(name="edge")


def service(name: str, *networks: NetworkSpec, project: str | None = None) -> Party:
    return service_party(
        ServiceSpec(name=name, image="m", networks=tuple(n.name for n in networks), project=project), networks
    )


GATE, FARES, LEDGER = service("gate", EDGE), service("fares", EDGE, CORE), service("ledger", CORE)
BANK, WEB = outside_party("pay.example.net:443", ["payments"]), outside_party("example.net:80")
VISITOR = outside_party("203.0.113.9")

DENIALS: list[tuple[str, Deny, Party, Party, bool]] = [
    ("service to service", Deny(from_=("gate",), to=("ledger",)), GATE, LEDGER, True),
    ("another direction", Deny(from_=("gate",), to=("ledger",)), LEDGER, GATE, False),
    ("network to service", Deny(from_=("edge",), to=("ledger",)), GATE, LEDGER, True),
    ("service to network", Deny(from_=("gate",), to=("core",)), GATE, LEDGER, True),
    ("everybody", Deny(from_=("*",), to=("core",)), GATE, LEDGER, True),
    ("everybody is the outside too", Deny(from_=("*",), to=("edge",)), VISITOR, GATE, True),
    ("from outside", Deny(from_=("external:*",), to=("ledger",)), VISITOR, LEDGER, True),
    ("the outside is no service", Deny(from_=("external:*",), to=("ledger",)), GATE, LEDGER, False),
    ("to the outside", Deny(from_=("gate",), to=("external:*",)), GATE, WEB, True),
    ("to a named host", Deny(from_=("gate",), to=("external:payments",)), GATE, BANK, True),
    ("to another host", Deny(from_=("gate",), to=("external:payments",)), GATE, WEB, False),
    ("the source is excepted", Deny(from_=("edge",), to=("external:*",), except_=("fares",)), FARES, BANK, False),
    ("not excepted", Deny(from_=("edge",), to=("external:*",), except_=("fares",)), GATE, BANK, True),
    ("the target is excepted", Deny(from_=("*",), to=("*",), except_=("external:payments",)), GATE, BANK, False),
    ("its network is excepted", Deny(from_=("*",), to=("external:*",), except_=("core",)), LEDGER, WEB, False),
    ("a service reaches itself", Deny(from_=("*",), to=("core",)), LEDGER, LEDGER, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rule", "source", "target", "denied"), DENIALS, ids=[row[0] for row in DENIALS])
def test_deny(name: str, rule: Deny, source: Party, target: Party, denied: bool) -> None:
    found = judge_connection([Policy(name="p", deny=(rule,))], source, target)
    assert [(each.policy, each.rule) for each in found] == ([("p", "deny")] if denied else [])


REQUIREMENTS: list[tuple[str, Require, Party, Party, str | None, str | None]] = [
    ("encryption is declared", Require(networks=("core",), encryption=True, audit=True), LEDGER, FARES, None, None),
    ("encryption is not", Require(networks=("edge",), encryption=True), GATE, FARES, None, "must require encryption"),
    ("audit is not", Require(networks=("edge",), audit=True), GATE, FARES, None, "must be audited"),
    ("all networks of a service", Require(services=("fares",), audit=True), GATE, FARES, None, "must be audited"),
    ("another service", Require(services=("ledger",), audit=True), GATE, FARES, None, None),
    ("every service", Require(services=("*",), audit=True), GATE, FARES, None, "must be audited"),
    ("https to the outside", Require(services=("gate",), tls=True), GATE, WEB, "https", None),
    ("http to the outside", Require(services=("gate",), tls=True), GATE, WEB, "http", "https is required"),
    ("http from a network", Require(networks=("edge",), tls=True), GATE, WEB, "http", "https is required"),
    ("http from elsewhere", Require(networks=("core",), tls=True), GATE, WEB, "http", None),
    ("within the daemon nothing is sent in plain text", Require(services=("gate",), tls=True), GATE, FARES, None, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rule", "source", "target", "scheme", "reason"), REQUIREMENTS, ids=[row[0] for row in REQUIREMENTS]
)
def test_require(
    name: str, rule: Require, source: Party, target: Party, scheme: str | None, reason: str | None
) -> None:
    found = judge_connection([Policy(name="p", require=(rule,))], source, target, scheme)
    assert [each.rule for each in found] == ([] if reason is None else ["require"])
    if reason is not None:
        assert reason in found[0].reason


def test_a_warning_is_for_services_that_share_no_network_and_forbids_nothing() -> None:
    policy = Policy(name="p", warn=(Warn(cross_network=True, except_=("fares",)),))
    assert [each.forbids for each in judge_connection([policy], GATE, LEDGER)] == [False]
    assert judge_connection([policy], GATE, service("door", EDGE)) == []
    assert judge_connection([policy], FARES, service("alone")) == []


def test_deny_comes_before_require_and_require_before_warn_whatever_the_policies_order() -> None:
    policies = [
        Policy(name="c", warn=(Warn(cross_network=True),)),
        Policy(name="b", require=(Require(services=("*",), audit=True),)),
        Policy(name="a", deny=(Deny(from_=("gate",), to=("ledger",), reason="because"),)),
    ]
    found = judge_connection(policies, GATE, LEDGER)
    assert [each.rule for each in found] == ["deny", "require", "warn"]
    assert found[0].reason == "because"


def test_a_projects_policy_holds_for_its_own_services_alone() -> None:
    policy = Policy(name="p", deny=(Deny(from_=("*",), to=("*",)),), project="shop")
    own, other = service("cart", EDGE, project="shop"), service("blog", EDGE, project="site")
    assert judge_connection([policy], own, WEB)
    assert judge_connection([policy], other, own)
    assert judge_connection([policy], other, WEB) == []


SERVICES: list[tuple[str, Policy, Party, list[tuple[str, str]]]] = [
    ("it depends on what it may not reach", Policy(name="p", deny=(Deny(from_=("gate",), to=("ledger",)),)), GATE,
     [("deny", "ledger")]),
    ("it stands in both networks", Policy(name="p", deny=(Deny(from_=("edge",), to=("core",)),)), FARES,
     [("deny", "core")]),
    ("it is in a network that it may not reach", Policy(name="p", deny=(Deny(from_=("fares",), to=("core",)),)), FARES,
     [("deny", "core")]),
    ("others may not reach its network", Policy(name="p", deny=(Deny(from_=("*",), to=("core",)),)), LEDGER, []),
    ("it is excepted", Policy(name="p", deny=(Deny(from_=("edge",), to=("core",), except_=("fares",)),)), FARES, []),
    ("a requirement", Policy(name="p", require=(Require(networks=("edge",), audit=True),)), GATE,
     [("require", "gate")]),
    ("a bridge", Policy(name="p", warn=(Warn(cross_network=True),)), FARES, [("warn", "fares")]),
    ("an expected bridge", Policy(name="p", warn=(Warn(cross_network=True, except_=("fares",)),)), FARES, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "policy", "party", "expected"), SERVICES, ids=[row[0] for row in SERVICES])
def test_a_service_as_it_is_wanted(name: str, policy: Policy, party: Party, expected: list[tuple[str, str]]) -> None:
    dependencies = [LEDGER] if party is GATE else []
    found = judge_service([policy], party, dependencies)
    assert [(violation.rule, other) for violation, other in found] == expected


NAMES = ["gate", "ledger", "edge", "core", "*", "external:*", "external:payments", "nobody"]
ENTRIES = st.lists(st.sampled_from(NAMES), max_size=3).map(tuple)
PARTIES = st.sampled_from([GATE, FARES, LEDGER, BANK, WEB, VISITOR])


@given(
    rules=st.lists(st.builds(Deny, from_=ENTRIES, to=ENTRIES, except_=ENTRIES), max_size=3),
    source=PARTIES,
    target=PARTIES,
)
def test_deny_is_what_the_plain_model_says(rules: list[Deny], source: Party, target: Party) -> None:
    called = {
        id(GATE): {"gate", "edge"},
        id(FARES): {"fares", "edge", "core"},
        id(LEDGER): {"ledger", "core"},
        id(BANK): {"external:*", "external:payments"},
        id(WEB): {"external:*"},
        id(VISITOR): {"external:*"},
    }
    ours, theirs = called[id(source)] | {"*"}, called[id(target)] | {"*"}
    expected = [
        rule for rule in rules if ours & {*rule.from_} and theirs & {*rule.to} and not (ours | theirs) & {*rule.except_}
    ]
    if source is target and source.service is not None:
        expected = []
    assert len(judge_connection([Policy(name="p", deny=tuple(rules))], source, target)) == len(expected)

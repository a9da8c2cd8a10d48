"""Policies: files, modes, what a service is told, and events that are never a flood."""

import asyncio
from pathlib import Path

import pytest

from catalog.errors import Forbidden, Invalid
from runtime.daemon.events import EventBus
from runtime.daemon.policies import Deny, Policies, Policy, Violation, Warn, read_policies
from runtime.daemon.policies.policies import Mode
from runtime.daemon.policies.report import PAIRS, Report
from runtime.daemon.spec import NetworkSpec, ServiceSpec
from runtime.forms.toml_text import read_toml
from tests.fakes.daemon_clock import DaemonClock

SEED = """
# Example policy
[policy.pci_compliance]
[[policy.pci_compliance.deny]]
from = ["payment"]
to = ["monitoring"]
reason = "PCI data must not be logged"
"""
MONITORING = NetworkSpec(name="monitoring")


@pytest.fixture
def events() -> EventBus:
    return EventBus(DaemonClock(), buffer=10_000, retention=3600.0)


def told(events: EventBus) -> list[dict[str, object]]:
    found, _ = events.history(types=["policy.violated"], limit=10_000)
    return [dict(each.data) for each in reversed(found)]


def test_the_example_of_the_reference_is_read() -> None:
    policies = read_policies(read_toml(SEED)["policy"])
    rule = Deny(from_=("payment",), to=("monitoring",), reason="PCI data must not be logged")
    assert policies == (Policy(name="pci_compliance", deny=(rule,)),)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[[policy.p.deny]]\nto = ['a']", "policy.p.deny[0].from"),
        ("[[policy.p.deny]]\nfrom = ['a']\nto = 'b'", "policy.p.deny[0].to"),
        ("[[policy.p.deny]]\nfrom = ['A b']\nto = ['b']", "policy.p.deny[0].from[0]"),
        ("[[policy.p.deny]]\nfrom = ['external:']\nto = ['b']", "policy.p.deny[0].from[0]"),
        ("[policy.p]\ndeny = { from = ['a'] }", "policy.p.deny"),
        ("[[policy.p.require]]\ntls = true", "policy.p.require[0].networks"),
        ("[[policy.p.require]]\nservices = ['a']\ntls = 1", "policy.p.require[0].tls"),
        ("[[policy.p.warn]]\ncross_netwrok = true", "policy.p.warn[0].cross_netwrok"),
        ("[policy]\np = 5", "policy.p"),
    ],
)
def test_a_wrong_field_is_named(text: str, field: str) -> None:
    with pytest.raises(Invalid) as raised:
        read_policies(read_toml(text)["policy"])
    assert [each["field"] for each in raised.value.details["fields"]] == [field]


def test_a_bad_file_keeps_the_last_good_set_and_is_reported(tmp_path: Path, events: EventBus) -> None:
    policies = Policies(tmp_path, "enforce", events)
    (tmp_path / "pci.toml").write_text(SEED)
    (tmp_path / "notes.txt").write_text("not a policy")
    assert policies.load() == []
    good = policies.in_force()
    assert [each.name for each in good] == ["pci_compliance"]

    (tmp_path / "pci.toml").write_text(SEED.replace("pci_compliance", "renamed"))
    for text, problem in (
        ("[policy", "is not TOML at line 1"),
        ("[polices.x]", "`polices` is no section"),
        ("[[policy.x.deny]]\nfrom = 1", "wrong field"),
        (SEED.replace("pci_compliance", "renamed"), "stands in another file too"),
    ):
        (tmp_path / "z.toml").write_text(text)
        problems = policies.load()
        assert len(problems) == 1
        assert problems[0].startswith("`z.toml`: ")
        assert problem in problems[0]
        assert policies.in_force() == good

    (tmp_path / "z.toml").unlink()
    assert policies.load() == []
    assert [each.name for each in policies.in_force()] == ["renamed"]


def test_at_the_first_time_the_good_files_hold_beside_a_bad_one(tmp_path: Path, events: EventBus) -> None:
    (tmp_path / "pci.toml").write_text(SEED)
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    policies = Policies(tmp_path, "enforce", events)
    assert policies.load() == ["`bad.toml`: The file is not UTF-8."]
    assert [each.name for each in policies.in_force()] == ["pci_compliance"]


def test_a_directory_that_is_not_there_holds_no_policies(tmp_path: Path, events: EventBus) -> None:
    assert Policies(tmp_path / "nowhere", "enforce", events).load() == []
    assert Policies(None, "enforce", events).load() == []


async def check(mode: Mode, events: EventBus) -> None:
    policies = Policies(None, mode, events, identify={"payment": "payment-a1b2c3"}.get)
    policies.put_project("shop", read_policies(read_toml(SEED)["policy"], project="shop"))
    spec = ServiceSpec(name="payment", image="m", networks=("monitoring",), project="shop")
    policies.check_service(spec, [MONITORING])


async def test_enforce_refuses_a_service_and_says_so(events: EventBus) -> None:
    with pytest.raises(Forbidden) as raised:
        await check("enforce", events)
    assert raised.value.code == "FORBIDDEN"
    said = {
        "policy": "pci_compliance",
        "rule": "deny",
        "reason": "PCI data must not be logged",
        "from": "payment",
        "to": "monitoring",
    }
    assert raised.value.details == said
    assert told(events) == [{**said, "mode": "enforce", "count": 1}]
    found, _ = events.history(service="payment-a1b2c3")
    assert len(found) == 1


async def test_audit_only_says_so(events: EventBus) -> None:
    await check("audit", events)
    assert [each["mode"] for each in told(events)] == ["audit"]


async def test_disabled_asks_nothing(events: EventBus) -> None:
    await check("disabled", events)
    assert told(events) == []


async def test_a_warning_refuses_nothing(events: EventBus) -> None:
    policies = Policies(None, "enforce", events)
    policies.put_project("shop", [Policy(name="p", warn=(Warn(cross_network=True),))])
    spec = ServiceSpec(name="bridge", image="m", networks=("a", "b"))
    policies.check_service(spec, [NetworkSpec(name="a"), NetworkSpec(name="b")])
    assert [each["rule"] for each in told(events)] == ["warn"]


async def test_what_a_service_depends_on_is_asked_by_its_networks_too(events: EventBus) -> None:
    policies = Policies(None, "enforce", events)
    policies.put_project("shop", read_policies(read_toml(SEED)["policy"]))
    spec = ServiceSpec(name="payment", image="m", depends_on=("grapher",))
    policies.check_service(spec, [])
    with pytest.raises(Forbidden):
        policies.check_service(spec, [], [ServiceSpec(name="grapher", image="m", networks=("monitoring",))])


async def test_a_removed_projects_policies_no_longer_hold(events: EventBus) -> None:
    policies = Policies(None, "enforce", events)
    changes: list[int] = []
    policies.watch(lambda: changes.append(len(policies.in_force())))
    policies.put_project("shop", read_policies(read_toml(SEED)["policy"]))
    policies.remove_project("shop")
    policies.remove_project("shop")
    policies.set_mode("audit")
    policies.set_mode("audit")
    assert changes == [1, 0, 0]


def violation(name: str = "p") -> Violation:
    return Violation(policy=name, rule="deny", reason="r")


async def test_a_flood_of_one_pair_is_an_event_a_second_that_counts(
    events: EventBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.daemon.policies.report.EVERY", 0.05)
    report = Report(events, lambda name: None)
    for _ in range(5_000):
        report.tell(violation(), "a", "b", "enforce")
    assert [each["count"] for each in told(events)] == [1]
    async with asyncio.timeout(5):
        while len(told(events)) < 2:
            await asyncio.sleep(0.01)
    assert [each["count"] for each in told(events)] == [1, 4_999]
    await asyncio.sleep(0.15)
    report.tell(violation(), "a", "b", "enforce")
    assert [each["count"] for each in told(events)] == [1, 4_999, 1]


async def test_a_flood_of_many_pairs_is_told_of_together(events: EventBus) -> None:
    report = Report(events, lambda name: None)
    for number in range(PAIRS + 500):
        report.tell(violation(), f"10.0.0.{number}", "b", "enforce")
    assert len(told(events)) == PAIRS + 1
    assert told(events)[-1]["from"] == "*"

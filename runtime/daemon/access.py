"""Access: may this reach that? Asked for every connection, so verdicts are remembered until a rule changes.

Asked in this order: the capabilities of the module that asks, the rules of the networks, the policies. What the
egress guard says of addresses comes after this, where the connection is made.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import msgspec

from catalog.errors import Forbidden
from runtime.daemon.events import EventBus
from runtime.daemon.networks import Networks
from runtime.daemon.networks.reach import between, from_outside, groups_of, to_outside, unencrypted
from runtime.daemon.outbound import permits
from runtime.daemon.policies import Party, Policies, Violation
from runtime.daemon.policies.policies import forbidden
from runtime.daemon.policies.report import Report
from runtime.daemon.policies.rules import outside_party, service_party
from runtime.daemon.spec import NetworkSpec, ServiceSpec
from runtime.forms.workload import ModuleType
from runtime.wasm.modules.fabrickfile import NetworkCapability

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")

REMEMBERED = 10_000
"""Verdicts of one kind; more than that, and all are asked for anew."""

_ALONE = NetworkSpec(name="", internal=True)
"""What services without a network are in: they reach each other and nothing else."""


class AuditLog(Protocol):
    """Where connections of audited networks are written down: a structlog logger."""

    def info(self, event: str, **told: str | list[str]) -> object:
        """Write one line."""
        ...


class Verdict:
    """What was decided. `quiet`: it may, and there is nothing to say of it."""

    __slots__ = ("quiet", "refusal", "source", "target", "violations")

    def __init__(
        self, source: Party, target: Party, refusal: "_Refusal | None", violations: tuple[Violation, ...]
    ) -> None:
        self.source = source.label
        self.target = target.label
        self.refusal = refusal
        self.violations = violations
        self.quiet = refusal is None and not violations


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    rule: str
    reason: str
    encryption: Violation | None = None


class Access:
    """The three questions, for the router, the listeners at ports and guests' own requests."""

    def __init__(
        self,
        networks: Networks,
        policies: Policies,
        events: EventBus,
        log: AuditLog,
        *,
        deny_by_default: bool = False,
    ) -> None:
        self._networks = networks
        self._policies = policies
        self._log = log
        self._report = Report(events, policies.id_of)
        self._deny_by_default = deny_by_default
        self.generation = 0
        """Counts changes of networks and policies: a verdict of another generation is worth nothing."""
        # By the identity of a specification, which the entry keeps alive: no two have the same.
        self._ingress: dict[tuple[int, str], tuple[ServiceSpec, Verdict]] = {}
        self._connect: dict[
            tuple[int, int, int, int], tuple[ServiceSpec, ServiceSpec, NetworkCapability | None, Verdict]
        ] = {}
        self._egress: dict[tuple[int, str, str, int, int], tuple[ServiceSpec, NetworkCapability | None, Verdict]] = {}
        networks.watch(self.forget)
        policies.watch(self.forget)

    def forget(self) -> None:
        """Ask everything anew."""
        self.generation += 1
        self._ingress.clear()
        self._connect.clear()
        self._egress.clear()

    def connect(
        self,
        source: ServiceSpec,
        target: ServiceSpec,
        *,
        capabilities: NetworkCapability | None = None,
        port: int = 80,
    ) -> None:
        """May one service reach the other? With the source's `capabilities` these must name it, as `target:port`.

        Raises Forbidden FORBIDDEN.
        """
        key = (id(source), id(target), id(capabilities), port)
        found = self._connect.get(key)
        if found is None:
            verdict = self._judge_connect(source, target, capabilities, port)
            _keep(self._connect, key, (source, target, capabilities, verdict))
        else:
            verdict = found[3]
        if not verdict.quiet:
            self._act(verdict)

    def ingress(self, target: ServiceSpec, address: str) -> None:
        """May somebody at this IP address reach the service? An empty one is the daemon's own socket.

        Raises Forbidden FORBIDDEN.
        """
        key = (id(target), address)
        found = self._ingress.get(key)
        if found is None:
            verdict = self._judge_ingress(target, address)
            _keep(self._ingress, key, (target, verdict))
        else:
            verdict = found[1]
        if not verdict.quiet:
            self._act(verdict)

    def egress(
        self, source: ServiceSpec, *, scheme: str, host: str, port: int, capabilities: NetworkCapability | None
    ) -> None:
        """May the service send to a host outside? `capabilities` are those of its module.

        Raises Forbidden FORBIDDEN.
        """
        key = (id(source), scheme, host, port, id(capabilities))
        found = self._egress.get(key)
        if found is None:
            verdict = self._judge_egress(source, scheme, host, port, capabilities)
            _keep(self._egress, key, (source, capabilities, verdict))
        else:
            verdict = found[2]
        if not verdict.quiet:
            self._act(verdict)

    def check_service(
        self, spec: ServiceSpec, *, type: ModuleType | None, dependencies: Sequence[ServiceSpec] = ()
    ) -> None:
        """May this service be as it is wanted? To be asked when it is made, changed and deployed.

        `type` is what its module and specification come to; `dependencies` those services of its `depends_on` that
        exist. Raises Forbidden FORBIDDEN.
        """
        networks = self._networks.specs(spec.networks)
        plain = next((each for each in networks if each.encryption == "required"), None)
        if type == "tcp" and spec.ports and plain is not None:
            violation = _plain_text(plain, "a TCP port of the machine is plain text")
            self._report.tell(violation, spec.name, spec.name, "enforce")
            raise forbidden(violation, spec.name, spec.name)
        self._policies.check_service(spec, networks, dependencies)

    def _judge_connect(
        self, source: ServiceSpec, target: ServiceSpec, capabilities: NetworkCapability | None, port: int
    ) -> Verdict:
        ours, theirs = self._members(source), self._members(target)
        mine, other = service_party(source, ours), service_party(target, theirs)
        if capabilities is not None and not source.no_capabilities:
            reason = permits(capabilities, target.name, port)
            if reason is not None:
                return self._judge("service", mine, other, reason, "capability")
        reason = None if source.name == target.name else between(ours, theirs)
        return self._judge("service", mine, other, reason, "network")

    def _judge_ingress(self, target: ServiceSpec, address: str) -> Verdict:
        networks = self._members(target)
        outside = outside_party(address or "the daemon's socket")
        return self._judge(
            "ingress", outside, service_party(target, networks), from_outside(networks, address), "network"
        )

    def _judge_egress(
        self, source: ServiceSpec, scheme: str, host: str, port: int, capabilities: NetworkCapability | None
    ) -> Verdict:
        networks = self._members(source)
        party, outside = (
            service_party(source, networks),
            outside_party(f"{host}:{port}", groups_of(networks, host, port)),
        )
        if not source.no_capabilities:
            reason = permits(capabilities, host, port, locked=source.egress_locked)
            if reason is not None:
                return self._judge("egress", party, outside, reason, "capability")
        reason = to_outside(networks, scheme, host, port, locked=source.egress_locked)
        plain = unencrypted(networks, scheme)
        if reason is None and plain is not None:
            violation = _plain_text(plain, f"`{scheme}` is plain text")
            refusal = _Refusal(rule="require", reason=violation.reason, encryption=violation)
            return Verdict(party, outside, refusal, ())
        return self._judge("egress", party, outside, reason, "network", scheme)

    def _judge(
        self, kind: str, source: Party, target: Party, reason: str | None, rule: str, scheme: str | None = None
    ) -> Verdict:
        audited = sorted({each.name for each in (*source.networks, *target.networks) if each.audit_all})
        refusal = None if reason is None else _Refusal(rule=rule, reason=reason)
        violations = () if refusal else tuple(self._policies.check_connection(source, target, scheme))
        if audited:
            verdict = "refused" if refusal or self._refused(violations) else "permitted"
            told = {"from": source.label, "to": target.label}
            self._log.info("network.connection", kind=kind, verdict=verdict, networks=audited, **told)
        return Verdict(source, target, refusal, violations)

    def _refused(self, violations: Sequence[Violation]) -> bool:
        return self._policies.mode == "enforce" and any(each.forbids for each in violations)

    def _act(self, verdict: Verdict) -> None:
        """Say what there is to say, and refuse what is refused."""
        if verdict.refusal is not None:
            self._refuse(verdict.source, verdict.target, verdict.refusal)
        for violation in verdict.violations:
            self._policies.tell(violation, verdict.source, verdict.target)
            if violation.forbids and self._policies.mode == "enforce":
                raise forbidden(violation, verdict.source, verdict.target)

    def _refuse(self, source: str, target: str, refusal: _Refusal) -> None:
        if refusal.encryption is not None:
            self._report.tell(refusal.encryption, source, target, "enforce")
            raise forbidden(refusal.encryption, source, target)
        raise Forbidden(
            "FORBIDDEN",
            f"`{source}` may not reach `{target}`: {refusal.reason}.",
            hint=_HINTS[refusal.rule],
            details={"policy": None, "rule": refusal.rule, "reason": refusal.reason, "from": source, "to": target},
        )

    def _members(self, spec: ServiceSpec) -> tuple[NetworkSpec, ...]:
        if spec.networks:
            return self._networks.specs(spec.networks)
        return () if self._deny_by_default else (_ALONE,)


_HINTS = {
    "network": "Look at the networks of both with `fabric network show`.",
    "capability": "Grant it in the module's Fabrickfile, under `[capabilities]`.",
}


def _plain_text(network: NetworkSpec, why: str) -> Violation:
    return Violation(policy=f"network:{network.name}", rule="require", reason=f"it requires encryption, and {why}")


def _keep(verdicts: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(verdicts) >= REMEMBERED:
        verdicts.clear()
    verdicts[key] = value

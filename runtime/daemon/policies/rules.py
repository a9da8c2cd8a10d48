"""Rules: what a set of policies says of a service or of a connection. Pure.

    deny      `from` may not reach `to`; who is named in `except`, on either side, is not meant
    require   services that are named, or are in a network that is named: their networks must be declared with
              `encryption = "required"` (encryption) and `audit_all = true` (audit), and they send to the outside over
              https alone (tls, encryption)
    warn      `cross_network`: a service in several networks, or a connection between services that share none

Names match a service or a network; `*` matches everything; `external:*` the outside, `external:NAME` the hosts of that
name. A policy of a project holds only for connections that one of its own services takes part in.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from runtime.daemon.spec import NetworkSpec, ServiceSpec

Kind = Literal["deny", "require", "warn"]
ANYTHING = "*"
OUTSIDE = "external:*"
_SECURE = "https"


class Deny(msgspec.Struct, frozen=True, kw_only=True):
    """`from_` may not reach `to`."""

    from_: tuple[str, ...]
    to: tuple[str, ...]
    except_: tuple[str, ...] = ()
    reason: str = ""


class Require(msgspec.Struct, frozen=True, kw_only=True):
    """What the named services, and those in the named networks, must keep to."""

    networks: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    tls: bool = False
    audit: bool = False
    encryption: bool = False
    reason: str = ""


class Warn(msgspec.Struct, frozen=True, kw_only=True):
    """What is worth a word."""

    cross_network: bool = False
    except_: tuple[str, ...] = ()
    reason: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A named set of rules; `project` is the mortar project it belongs to."""

    name: str
    description: str = ""
    deny: tuple[Deny, ...] = ()
    require: tuple[Require, ...] = ()
    warn: tuple[Warn, ...] = ()
    project: str | None = None


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a connection: what it is called in messages, and every name that a rule may mean it by."""

    label: str
    names: frozenset[str]
    project: str | None = None
    service: str | None = None
    networks: tuple[NetworkSpec, ...] = ()

    def meant(self, entries: Iterable[str]) -> bool:
        """Does a rule that lists `entries` mean this one?"""
        return any(each == ANYTHING or each in self.names for each in entries)


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule says against it. Only `deny` and `require` forbid."""

    policy: str
    rule: Kind
    reason: str

    @property
    def forbids(self) -> bool:
        """Is it more than a warning?"""
        return self.rule != "warn"


def service_party(spec: ServiceSpec, networks: Sequence[NetworkSpec]) -> Party:
    """A service; `networks` are those of its networks that exist."""
    names = frozenset({spec.name, *spec.networks, *(each.name for each in networks)})
    return Party(label=spec.name, names=names, project=spec.project, service=spec.name, networks=tuple(networks))


def outside_party(label: str, groups: Iterable[str] = ()) -> Party:
    """Somebody or something outside; `groups` are the names of external hosts it belongs to."""
    return Party(label=label, names=frozenset({OUTSIDE, *(f"external:{each}" for each in groups)}))


def judge_connection(
    policies: Iterable[Policy], source: Party, target: Party, scheme: str | None = None
) -> list[Violation]:
    """Everything that is against `source` reaching `target`: deny, then require, then warn.

    `scheme` is that of a request to the outside.
    """
    if source.service is not None and source.service == target.service:
        return []
    held = [each for each in policies if each.project is None or each.project in (source.project, target.project)]
    found = [each for policy in held for each in _denied(policy, source, target)]
    for policy in held:
        for rule in policy.require:
            needs = _needs(rule, source) or _needs(rule, target) or _needs_https(rule, source, scheme)
            if needs:
                found.append(Violation(policy=policy.name, rule="require", reason=rule.reason or needs))
    if source.service is not None and target.service is not None and not _share(source, target):
        text = "the services share no network"
        found += [each for policy in held for each in _warned(policy, (source, target), text)]
    return found


def judge_service(
    policies: Iterable[Policy], service: Party, dependencies: Sequence[Party] = ()
) -> list[tuple[Violation, str]]:
    """Everything that is against a service as it is wanted, each with the name of the other side."""
    held = [each for each in policies if each.project in (None, service.project)]
    found: list[tuple[Violation, str]] = []
    for policy in held:
        found += [(each, other.label) for other in dependencies for each in _denied(policy, service, other)]
        found += _bridges(policy, service)
    for policy in held:
        for rule in policy.require:
            needs = _needs(rule, service)
            if needs:
                reason = rule.reason or needs
                found.append((Violation(policy=policy.name, rule="require", reason=reason), service.label))
    if len(service.networks) > 1:
        text = "the service is in several networks"
        warned = [each for policy in held for each in _warned(policy, (service,), text)]
        found += [(each, service.label) for each in warned]
    return found


def _denied(policy: Policy, source: Party, target: Party) -> Iterator[Violation]:
    for rule in policy.deny:
        if source.meant(rule.from_) and target.meant(rule.to):
            if source.meant(rule.except_) or target.meant(rule.except_):
                continue
            yield _deny(policy, rule)


def _bridges(policy: Policy, service: Party) -> Iterator[tuple[Violation, str]]:
    """A service that is one of `from` may not be a member of a network of `to`: it would reach its members."""
    members = {each.name for each in service.networks}
    for rule in policy.deny:
        mine = [each for each in rule.from_ if each in service.names]
        if service.meant(rule.except_):
            continue
        entered = [each for each in rule.to if each in members and any(one != each for one in mine)]
        if entered:
            yield _deny(policy, rule), entered[0]


def _deny(policy: Policy, rule: Deny) -> Violation:
    return Violation(policy=policy.name, rule="deny", reason=rule.reason or "the policy denies it")


def _needs(rule: Require, party: Party) -> str | None:
    """What a service's networks lack for this rule, None where nothing."""
    if party.service is None:
        return None
    whole = ANYTHING in rule.services or party.service in rule.services
    for network in party.networks:
        if not (whole or ANYTHING in rule.networks or network.name in rule.networks):
            continue
        if rule.encryption and network.encryption != "required":
            return f"network `{network.name}` must require encryption"
        if rule.audit and not network.audit_all:
            return f"network `{network.name}` must be audited (`audit_all`)"
    return None


def _needs_https(rule: Require, source: Party, scheme: str | None) -> str | None:
    if scheme in (None, _SECURE) or not (rule.tls or rule.encryption) or source.service is None:
        return None
    named = ANYTHING in rule.services or source.service in rule.services
    return "https is required" if named or source.meant(rule.networks) else None


def _warned(policy: Policy, parties: Sequence[Party], text: str) -> Iterator[Violation]:
    for rule in policy.warn:
        if rule.cross_network and not any(each.meant(rule.except_) for each in parties):
            yield Violation(policy=policy.name, rule="warn", reason=rule.reason or text)


def _share(source: Party, target: Party) -> bool:
    return not {each.name for each in source.networks}.isdisjoint(each.name for each in target.networks)

"""Checks: what the parts of a project say of each other."""

from collections.abc import Iterable, Mapping, Sequence

from catalog.catalog import nearest
from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Findings
from runtime.daemon.mortar.project import Part
from runtime.daemon.networks import DEFAULT_NETWORK
from runtime.daemon.networks.reach import ANY_EXTERNAL, ANY_NETWORK, EXTERNAL, read_range
from runtime.daemon.spec import NetworkSpec, VolumeSpec


def check_project(
    document: Mapping[str, Json],
    parts: Sequence[Part],
    networks: Sequence[NetworkSpec],
    volumes: Sequence[VolumeSpec],
    findings: Findings,
) -> None:
    """Names that nobody bears, names borne twice, rules that have no effect, and what `[validate]` asks for."""
    declared = _names(document, "network")
    if DEFAULT_NETWORK.name in declared:
        findings.error(f"network.{DEFAULT_NETWORK.name}", "is the daemon's own and cannot be declared.")
    _check_networks(document, networks, {*declared, DEFAULT_NETWORK.name}, findings)
    _check_services(document, parts, {*declared, DEFAULT_NETWORK.name}, findings)
    _check_ports(parts, findings)
    _check_validate(document, parts, findings)
    used = {use.source for part in parts for use in part.spec.volumes}
    for volume in volumes:
        if volume.name not in used:
            findings.warning(f"volume.{volume.name}", "is used by no service.")


def _names(document: Mapping[str, Json], section: str) -> set[str]:
    found = document.get(section)
    return set(found) if isinstance(found, Mapping) else set()


def _check_networks(
    document: Mapping[str, Json], networks: Iterable[NetworkSpec], known: set[str], findings: Findings
) -> None:
    hosts = _names(document, "external_hosts")
    for spec in networks:
        place = f"network.{spec.name}"
        for field, entries in (("ingress", spec.ingress or ()), ("egress", spec.egress)):
            for entry in entries:
                if entry in (ANY_NETWORK, ANY_EXTERNAL) or read_range(entry) is not None:
                    continue
                if entry.startswith(EXTERNAL):
                    _known(entry.removeprefix(EXTERNAL), hosts, f"{place}.{field}", "external host", findings)
                else:
                    _known(entry, known, f"{place}.{field}", "network", findings)
        outside = [each for each in spec.egress if each.startswith(EXTERNAL) or read_range(each)]
        if spec.internal and outside:
            findings.warning(
                f"{place}.egress", f"names `{outside[0]}`, but an internal network permits nothing outside."
            )
        if spec.internal and any(read_range(each) for each in spec.ingress or ()):
            findings.warning(f"{place}.ingress", "names a range of addresses, but an internal network lets nobody in.")
        if spec.ingress_only and spec.egress:
            findings.warning(f"{place}.egress", "has no effect: the network is `ingress_only`.")


def _check_services(
    document: Mapping[str, Json], parts: Iterable[Part], networks: set[str], findings: Findings
) -> None:
    volumes = _names(document, "volume")
    services = document.get("service")
    tables = {key: each for key, each in services.items() if isinstance(each, Mapping)} if services else {}
    names = {*tables, *(str(each["name"]) for each in tables.values() if "name" in each)}
    # What is written is asked, so that services which could not be read are looked at as well.
    for key, table in tables.items():
        place = f"service.{key}"
        for network in _texts(table.get("networks")):
            _known(network, networks, f"{place}.networks", "network", findings)
        for name in _texts(table.get("depends_on")):
            _known(name, names, f"{place}.depends_on", "service", findings)
        for name in _volumes(table.get("volumes")):
            _known(name, volumes, f"{place}.volumes", "volume", findings)
    seen: dict[str, str] = {}
    for part in parts:
        if part.spec.name in seen:
            said = f"is `{part.spec.name}`, as `service.{seen[part.spec.name]}` is called."
            findings.error(f"service.{part.key}.name", said)
        seen[part.spec.name] = part.key


def _texts(value: Json) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _volumes(value: Json) -> list[str]:
    if isinstance(value, Mapping):
        return list(value)
    tables = [each.get("source") for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
    return [each for each in tables if isinstance(each, str)] + [each.partition(":")[0] for each in _texts(value)]


def _check_ports(parts: Iterable[Part], findings: Findings) -> None:
    taken: dict[int, str] = {}
    for part in parts:
        for port in part.spec.ports:
            if port.host in taken:
                findings.error(
                    f"service.{part.key}.ports", f"takes port {port.host}, as `service.{taken[port.host]}` does."
                )
            taken.setdefault(port.host, part.key)


def _check_validate(document: Mapping[str, Json], parts: Iterable[Part], findings: Findings) -> None:
    switches = document.get("validate")
    if switches is None:
        return
    if not isinstance(switches, Mapping):
        findings.error("validate", "must be a table.")
        return
    for name, value in switches.items():
        if not isinstance(value, bool):
            findings.error(f"validate.{name}", "must be true or false.")
    if switches.get("check_circular_dependencies") is False:
        findings.warning("validate.check_circular_dependencies", "has no effect: rings are always looked for.")
    if switches.get("require_health_checks") is True:
        for part in parts:
            if part.spec.health_check is None:
                findings.error(f"service.{part.key}", "has no `health_check`, which `[validate]` requires.")


def _known(name: str, known: Iterable[str], place: str, what: str, findings: Findings) -> None:
    names = set(known)
    if name in names:
        return
    meant = nearest(name, names)
    said = f": did you mean `{meant}`?" if meant else "."
    findings.error(place, f"names the {what} `{name}`, which is not declared{said}")

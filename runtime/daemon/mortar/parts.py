"""Parts: the networks, volumes and services of a project, read one by one."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Findings
from runtime.daemon.mortar.project import Part
from runtime.daemon.networks import read_network
from runtime.daemon.networks.reach import ANY_EXTERNAL, EXTERNAL
from runtime.daemon.networks.reading import as_place
from runtime.daemon.reading import SERVICE_FIELDS, read_service
from runtime.daemon.spec import NetworkSpec, ServiceSpec, VolumeSpec
from runtime.daemon.volumes import read_volume
from runtime.forms.fields import as_name

_OURS = ("build", "name", "version", "description", "security", "no_capabilities", "project", "secrets", "depends_on")
"""Fields of a service that are not the service's own reader's."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is read: the document with every reference in its place, and where its values are secret."""

    document: dict[str, Json]
    secret_places: frozenset[str]
    findings: Findings
    base: Path | None
    deploying: bool = True


def tables(document: Mapping[str, Json], section: str, findings: Findings) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The tables of a section by name; one whose name is none is told."""
    found = document.get(section, {})
    if not isinstance(found, Mapping):
        findings.error(section, f"must be a table of tables: `[{section}.NAME]`.")
        return
    for name, table in found.items():
        if as_name(name) is None:
            findings.error(f"{section}.{name}", "must have a name of a-z, 0-9 and `-`, with no `-` at its ends.")
        else:
            yield name, table


def read_networks(reading: Reading, project: str) -> list[NetworkSpec]:
    """The networks that the project declares, with the external hosts they speak of."""
    hosts, secure = _external_hosts(reading)
    found = []
    for name, table in tables(reading.document, "network", reading.findings):
        place = f"network.{name}"
        try:
            spec = read_network({**table, "name": name}, where=place)
        except Invalid as error:
            reading.findings.take(place, error)
            continue
        groups = [
            each.removeprefix(EXTERNAL) for each in spec.egress if each.startswith(EXTERNAL) and each != ANY_EXTERNAL
        ]
        found.append(
            msgspec.structs.replace(
                spec,
                external={each: hosts[each] for each in groups if each in hosts},
                external_tls=tuple(each for each in groups if each in secure),
                project=project,
            )
        )
    return found


def _external_hosts(reading: Reading) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    hosts: dict[str, tuple[str, ...]] = {}
    secure: set[str] = set()
    section = reading.document.get("external_hosts", {})
    for name, table in (section if isinstance(section, Mapping) else {}).items():
        place, listed = f"external_hosts.{name}", table.get("hosts")
        if not isinstance(listed, list) or not listed:
            reading.findings.error(f"{place}.hosts", 'must be a list such as `["pay.example.net:443"]`.')
            listed = []
        read = [as_place(each) for each in listed]
        for at, each in enumerate(read):
            if each is None:
                reading.findings.error(f"{place}.hosts[{at}]", "must be `host:port` with a port from 1 to 65535.")
        hosts[name] = tuple(each for each in read if each is not None)
        if not isinstance(table.get("tls_required", False), bool):
            reading.findings.error(f"{place}.tls_required", "must be true or false.")
        elif table.get("tls_required"):
            secure.add(name)
    return hosts, secure


def read_volumes(reading: Reading, project: str) -> list[VolumeSpec]:
    """The volumes that the project declares."""
    found = []
    for name, table in tables(reading.document, "volume", reading.findings):
        place = f"volume.{name}"
        fields = {key: value for key, value in table.items() if key != "description"}
        try:
            spec = read_volume({**fields, "name": name}, where=place)
        except Invalid as error:
            reading.findings.take(place, error)
            continue
        found.append(msgspec.structs.replace(spec, project=project))
    return found


def read_services(reading: Reading, project: str, version: str) -> list[Part]:
    """The services of the project; a service is called by its key, or by its `name`."""
    found: list[Part] = []
    named = dict(tables(reading.document, "service", reading.findings))
    called = {key: table.get("name", key) for key, table in named.items()}
    for key, table in named.items():
        part = _read_service(reading, key, table, project, version, called)
        if part is not None:
            found.append(part)
    return found


def _read_service(
    reading: Reading, key: str, table: Mapping[str, Json], project: str, version: str, called: Mapping[str, Json]
) -> Part | None:
    place, findings = f"service.{key}", reading.findings
    build = _folder(reading, table.get("build"), f"{place}.build") if "build" in table else None
    if ("build" in table) == ("image" in table):
        findings.error(place, "must have exactly one of `build` (a folder with a Fabrickfile) and `image`.")
    if "networks" not in table:
        findings.error(place, "lacks `networks`: the networks it is in; an empty list keeps it to itself.")
    if "no_capabilities" in table:
        findings.error(f"{place}.no_capabilities", "is not for a project: it may restrict, never widen.")
    fields = {
        name: value for name, value in table.items() if name in (*SERVICE_FIELDS, "restart") and name not in _OURS
    }
    # What is built has the project's name before its own, so that two projects do not build over each other.
    fields.setdefault("image", f"{project or 'project'}/{called[key]}:{table.get('version') or version or '0.0.0'}")
    fields["name"] = called[key]
    fields["depends_on"] = _depends_on(reading, key, table, called)
    fields["files"] = _files(reading, table.get("files"), place)
    fields["egress_locked"] = _egress_locked(table, place, findings)
    try:
        spec = read_service(fields, where=place)
    except Invalid as error:
        findings.take(place, error)
        return None
    secrets = tuple(name for name in spec.environment if f"{place}.environment.{name}" in reading.secret_places)
    return Part(key=key, build=build, spec=_completed(spec, secrets, project))


def _completed(spec: ServiceSpec, secrets: tuple[str, ...], project: str) -> ServiceSpec:
    return msgspec.structs.replace(spec, secrets=secrets, project=project)


def _depends_on(reading: Reading, key: str, table: Mapping[str, Json], called: Mapping[str, Json]) -> Json:
    wanted = table.get("depends_on")
    if not isinstance(wanted, list):
        return wanted
    return [called.get(each, each) if isinstance(each, str) else each for each in wanted]


def _egress_locked(table: Mapping[str, Json], place: str, findings: Findings) -> Json:
    security = table.get("security", {})
    if not isinstance(security, Mapping):
        findings.error(f"{place}.security", "must be a table.")
        return False
    for name in ("egress_locked", "tls_required", "read_only_root"):
        if not isinstance(security.get(name, False), bool):
            findings.error(f"{place}.security.{name}", "must be true or false.")
    if security.get("read_only_root") is False:
        findings.warning(f"{place}.security.read_only_root", "has no effect: a guest's root is never writable.")
    return table.get("egress_locked", False) or security.get("egress_locked") is True


def _files(reading: Reading, files: Json, place: str) -> Json:
    """Files of the project's folder as absolute paths."""
    if not isinstance(files, Mapping):
        return files
    found: dict[str, Json] = {}
    for source, target in files.items():
        path = _folder(reading, source, f"{place}.files")
        found[source if path is None else str(path)] = target
    return found


def _folder(reading: Reading, value: Json, place: str) -> Path | None:
    """A relative path, below the project's folder and not out of it."""
    if not isinstance(value, str) or not value or "\0" in value:
        reading.findings.error(place, "must be a path below the project's folder.")
        return None
    if reading.base is None:
        # To build, the folder is asked for later: what was built before needs none.
        if reading.deploying and place.endswith(".files"):
            reading.findings.error(place, f"has the path `{value}`, and nobody says below which folder.")
        return Path(value)
    path = (reading.base / value).resolve()
    if not path.is_relative_to(reading.base.resolve()):
        reading.findings.error(place, f"has the path `{value}`, which leads out of the project's folder.")
        return None
    return path

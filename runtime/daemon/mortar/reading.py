"""Reading: from the text of a project file to a Project, with everything that is wrong found at once.

The way: TOML → fields that do not exist are taken out → the profile is laid over → references get their values → each
part is read → what parts say of each other is checked.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.daemon.mortar.checks import check_project
from runtime.daemon.mortar.parts import Reading, read_networks, read_services, read_volumes
from runtime.daemon.mortar.problems import Findings
from runtime.daemon.mortar.profiles import with_profile
from runtime.daemon.mortar.project import Part, Project, start_order
from runtime.daemon.mortar.schema import known_only
from runtime.daemon.mortar.secrets import check_secret
from runtime.daemon.mortar.variables import Values
from runtime.daemon.policies import Policy, Require, read_policies
from runtime.forms.fields import NAME_FORM, as_name
from runtime.forms.toml_places import key_lines
from runtime.forms.toml_text import read_toml

FILE_NAME = "fabricks-mortar.toml"
MORTAR_VERSION = "1.0"
TEXT_MOST = 1024 * 1024
"""Characters of a project file."""

_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?\Z",
    re.ASCII,
)


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the project where nothing is wrong, and what was found.

    `written` is the document as its author wrote it: references stand in it, not what they mean.
    """

    project: Project | None
    findings: Findings
    written: dict[str, Json]


def read_project(
    text: str,
    *,
    profile: str | None = None,
    variables: Mapping[str, Json] | None = None,
    base: Path | None = None,
    look_up: bool = True,
    strict: bool = False,
) -> Read:
    """Understand a project file; `base` is the folder that relative paths are below.

    With `look_up` false secrets and the environment are not asked for their values. Raises Invalid INVALID_REQUEST for
    what is not TOML at all; everything else is a finding.
    """
    if len(text) > TEXT_MOST:
        raise Invalid("INVALID_REQUEST", f"The project file is longer than {TEXT_MOST} characters.")
    written = read_toml(text, name=f"`{FILE_NAME}`")
    findings = Findings(key_lines(text), strict=strict)
    document = with_profile(known_only(written, findings), profile, findings)
    values = Values(document, variables or {}, findings, base=base, look_up=look_up)
    resolved = values.resolve(document)
    _check_secrets(document, findings)
    reading = Reading(
        document=resolved.document,
        secret_places=resolved.secret_places,
        findings=findings,
        base=base,
        deploying=look_up,
    )
    project = _project(reading)
    good = project is not None and not findings.errors
    return Read(project=project if good else None, findings=findings, written=written)


def _project(reading: Reading) -> Project | None:
    findings, document = reading.findings, reading.document
    name, version = _head(document, findings)
    networks = read_networks(reading, name)
    volumes = read_volumes(reading, name)
    parts = read_services(reading, name, version)
    policies = _policies(document, name, findings)
    check_project(document, parts, networks, volumes, findings)
    order, ring = start_order({part.spec.name: part.spec.depends_on for part in parts})
    if ring:
        first = next(each.key for each in parts if each.spec.name == ring[0])
        said = " → ".join(f"`{each}`" for each in ring)
        findings.error(f"service.{first}.depends_on", f"goes round in a ring: {said}.")
        return None
    by_name = {each.spec.name: each for each in parts}
    switches = document.get("validate")
    return Project(
        name=name,
        version=version,
        parts=tuple(by_name[each] for each in order),
        networks=tuple(networks),
        volumes=tuple(volumes),
        policies=(*policies, *_tls_policies(document, parts, name)),
        deny_wildcard_connect=isinstance(switches, Mapping) and switches.get("deny_wildcard_connect") is True,
    )


def _head(document: Mapping[str, Json], findings: Findings) -> tuple[str, str]:
    if document.get("mortar_version") != MORTAR_VERSION:
        findings.error("mortar_version", f'must be "{MORTAR_VERSION}".')
    project = document.get("project")
    if not isinstance(project, Mapping):
        findings.error("project", "is missing: it has the project's `name` and `version`.")
        return "", ""
    name, version = as_name(project.get("name")), project.get("version")
    if name is None:
        findings.error("project.name", f"must be {NAME_FORM}.")
    if not isinstance(version, str) or not _SEMVER.match(version):
        findings.error("project.version", 'must be a version of three numbers, such as "1.0.0".')
        version = ""
    return name or "", version


def _check_secrets(document: Mapping[str, Json], findings: Findings) -> None:
    secrets = document.get("secret")
    for name, table in (secrets if isinstance(secrets, Mapping) else {}).items():
        problem = check_secret(table) if isinstance(table, Mapping) else None
        if problem is not None:
            findings.error(f"secret.{name}", problem)


def _policies(document: Mapping[str, Json], project: str, findings: Findings) -> tuple[Policy, ...]:
    try:
        return read_policies(document.get("policy", {}), project=project)
    except Invalid as error:
        findings.take("policy", error)
        return ()


def _tls_policies(document: Mapping[str, Json], parts: list[Part], project: str) -> list[Policy]:
    """`security.tls_required` of a service is a requirement like any other."""
    services = document.get("service", {})
    wanted = [each for each in parts if services[each.key].get("security", {}).get("tls_required") is True]
    return [
        Policy(
            name=f"{each.spec.name}.security",
            description="tls_required",
            require=(Require(services=(each.spec.name,), tls=True),),
            project=project,
        )
        for each in wanted
    ]

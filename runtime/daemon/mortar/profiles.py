"""Profiles: `[profile.NAME]` lays its overrides over the services before they are read."""

from collections.abc import Mapping

from catalog.catalog import nearest
from catalog.jsonvalue import Json
from runtime.daemon.mortar.problems import Findings
from runtime.daemon.mortar.schema import check_override

_ALL = "all_services"
_HERE = ("localhost", None)


def with_profile(document: Mapping[str, Json], profile: str | None, findings: Findings) -> dict[str, Json]:
    """The document as a profile has it: tables are merged, everything else is replaced.

    `overrides.all_services` comes first, then `overrides.SERVICE` (or `overrides.service.SERVICE`). Every profile of
    the file is looked at, the others for their mistakes.
    """
    merged = dict(document)
    profiles = document.get("profile")
    tables = profiles if isinstance(profiles, Mapping) else {}
    if profile is not None and profile not in tables:
        meant = nearest(profile, tables)
        known = ", ".join(f"`{each}`" for each in tables) or "none"
        findings.error(
            f"profile.{profile}",
            f"is not declared: did you mean `{meant}`?" if meant else f"is not declared; there are: {known}.",
        )
    for name, table in tables.items():
        overrides = _overrides(table, f"profile.{name}", document, findings)
        if name == profile:
            _check_target(table, f"profile.{name}", findings)
            merged["service"] = _laid_over(document.get("service"), overrides)
    return merged


def _check_target(table: Mapping[str, Json], place: str, findings: Findings) -> None:
    if table.get("target") not in _HERE:
        findings.error(f"{place}.target", "must be `localhost`: this daemon runs services on its own machine alone.")


def _overrides(
    table: Mapping[str, Json], place: str, document: Mapping[str, Json], findings: Findings
) -> dict[str, Mapping[str, Json]]:
    found = table.get("overrides", {})
    where = f"{place}.overrides"
    if not isinstance(found, Mapping):
        findings.error(where, "must be a table.")
        return {}
    services = document.get("service")
    known = {*(services if isinstance(services, Mapping) else ()), _ALL}
    named = {(f"{where}.{key}", key): value for key, value in found.items() if key != "service" or key in known}
    if "service" in found and "service" not in known and isinstance(found["service"], Mapping):
        named |= {(f"{where}.service.{key}", key): value for key, value in found["service"].items()}
    overrides: dict[str, Mapping[str, Json]] = {}
    for (at, name), value in named.items():
        if name not in known:
            meant = nearest(name, known)
            findings.error(at, "is no service of the project" + (f": did you mean `{meant}`?" if meant else "."))
            continue
        overrides[name] = check_override(value, at, findings)
    return overrides


def _laid_over(services: Json, overrides: Mapping[str, Mapping[str, Json]]) -> Json:
    if not isinstance(services, Mapping):
        return services
    everyone = overrides.get(_ALL, {})
    return {
        name: merge(merge(table, everyone), overrides.get(name, {})) if isinstance(table, Mapping) else table
        for name, table in services.items()
    }


def merge(table: Mapping[str, Json], over: Mapping[str, Json]) -> dict[str, Json]:
    """`over` laid over `table`."""
    found = dict(table)
    for key, value in over.items():
        under = found.get(key)
        both = isinstance(value, Mapping) and isinstance(under, Mapping)
        found[key] = merge(under, value) if both and under is not None else value
    return found

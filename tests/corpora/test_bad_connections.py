"""bad_connections.yaml: files that must be refused, with code and pointer, and files that must compile."""

import base64
from functools import cache

import pytest

import connections
from catalog.authority import Author
from catalog.catalog import Catalog
from catalog.diagnostics import Severity
from catalog.errors import ConnectionInvalid
from catalog.events import EventSpec
from catalog.jsonvalue import Json
from catalog.operations import Operation, Tier
from tests.corpora.cases import check_fields, each, load

_NAME = "bad_connections.yaml"
_TEXTS = ("yaml", "yaml_base64", "yaml_gen")
_FOR_READERS = ("why", "tag", "profile", "plain_safe_load")


@cache
def _catalog() -> Catalog:
    """The corpus's catalog. Its plugin write is put in behind the guard's back: the compiler must refuse it too."""
    written = load(_NAME)["meta"]["catalog"]
    operations = {name: _operation(name, facts) for name, facts in written["operations"].items()}
    events = [_event(name, facts) for name, facts in written["events"].items()]
    catalog = Catalog((each for each in operations.values() if not (each.write and each.tier is Tier.PLUGIN)), events)
    catalog.operations = operations
    return catalog


def _operation(name: str, facts: Json) -> Operation:
    check_fields(
        facts,
        required=("tier", "write", "permission", "params"),
        optional=("accepts", "produces", "output", "title", "description"),
    )
    return Operation(
        id=name,
        title=facts.get("title", name),
        tier=Tier(facts["tier"]),
        write=facts["write"],
        permission=facts["permission"],
        input_schema=facts["params"],
        output_schema=facts.get("output", {}),
        accepts=_media(facts.get("accepts")),
        produces=_media(facts.get("produces")),
    )


def _media(value: Json) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _event(name: str, facts: Json) -> EventSpec:
    check_fields(facts, required=("payload",), optional=("produces", "title", "description", "tier"))
    tier = Tier.PLUGIN if name.startswith("plugin.") else Tier.NATIVE
    return EventSpec(
        event_type=name, title=name, tier=tier, payload_schema=facts["payload"], produces=facts.get("produces")
    )


class _Controllers:
    def owner(self, controller_id: str) -> str | None:
        owner: str | None = load(_NAME)["meta"]["controllers"].get(controller_id)
        return owner


def _author(facts: Json) -> Author:
    check_fields(facts, required=("org", "org_admin", "scoped", "active", "permissions"))
    return Author(
        identity="author",
        organisation_id=facts["org"],
        permissions=frozenset(facts["permissions"]),
        active=facts["active"],
        org_admin=facts["org_admin"],
        scoped=facts["scoped"],
    )


def _source(case: Json) -> bytes:
    if case.get("yaml_gen") is not None:
        made = case["yaml_gen"]
        check_fields(made, required=("prefix", "repeat", "times", "suffix"))
        return str(made["prefix"] + made["repeat"] * made["times"] + made["suffix"]).encode()
    if case.get("yaml_base64") is not None:
        return base64.b64decode(case["yaml_base64"])
    return str(case["yaml"]).encode()


def _problems(case: Json) -> set[tuple[str, str]]:
    """Every error reported, as (code, pointer)."""
    author = _author(case.get("author") or load(_NAME)["meta"]["author"])
    try:
        connections.compile(_source(case), _catalog(), author=author, targets=_Controllers())
    except ConnectionInvalid as error:
        return {(found.code, found.pointer) for found in error.diagnostics if found.severity is Severity.ERROR}
    return set()


@pytest.mark.promise("T3")
@pytest.mark.parametrize(("section", "case"), each(_NAME, "cases", "good"))
def test_the_file_is_judged_as_the_corpus_says(section: str, case: Json) -> None:
    bad = section == "cases"
    check_fields(case, required=("id", "expect") if bad else ("id",), optional=(*_TEXTS, *_FOR_READERS, "author"))
    if bad:
        check_fields(case["expect"], required=("error", "pointer"))
        assert (case["expect"]["error"], case["expect"]["pointer"]) in _problems(case)
    else:
        assert _problems(case) == set()

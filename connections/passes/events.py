"""What may fire the Connection: patterns, and the schema and media types of the events they name."""

from catalog.events import EventSpec, Pattern, parse_pattern
from connections.passes.work import Origin, Work


def run(work: Work) -> None:
    """Report EVENT_UNKNOWN (a warning for a wildcard) and fill `patterns` and `origin`."""
    single = isinstance(work.connection.source_event, str)
    known, wrong = not work.broken("/source_event"), work.broken("/source_event")
    specs: dict[str, EventSpec] = {}
    patterns: list[Pattern] = []
    for number, text in enumerate(work.connection.patterns):
        at = "/source_event" if single else f"/source_event/{number}"
        if work.broken(at):
            known, wrong = False, True
            continue
        pattern = parse_pattern(text)
        patterns.append(pattern)
        found = work.catalog.matching(pattern)
        specs.update((spec.event_type, spec) for spec in found)
        if not found:
            known, wrong = False, wrong or pattern.exact
            _unknown(work, pattern, at)
    work.patterns = tuple(patterns)
    known = known and bool(specs)
    schemas = [spec.payload_schema for spec in specs.values()] + ([] if known else [{}])
    produces = tuple(spec.produces for spec in specs.values() if spec.produces)
    work.origin = Origin(schemas[0] if len(schemas) == 1 else {"anyOf": schemas}, produces, known=known, wrong=wrong)


def _unknown(work: Work, pattern: Pattern, at: str) -> None:
    if pattern.exact:
        near = work.catalog.nearest_event(pattern.text)
        work.findings.error(
            at,
            "EVENT_UNKNOWN",
            f"There is no event `{pattern.text[:80]}`.",
            f"Did you mean `{near}`?" if near else "See `fabric catalog ls`.",
        )
    else:
        work.findings.warn(
            at,
            "EVENT_UNKNOWN",
            f"`{pattern.text[:80]}` matches no event that is known now.",
            "It fires once a module emits one.",
        )

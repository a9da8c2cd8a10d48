"""Does what each reference names exist? Impossible is an error, may be missing a warning."""

from catalog.catalog import nearest
from catalog.fit import Fit, fits
from catalog.jsonvalue import Json
from catalog.reach import Presence, lookup, types_of
from connections.passes.vista import guarded_paths, reach_reference
from connections.passes.work import Work
from connections.references import Reference
from connections.templates import Placed, Template


def run(work: Work) -> None:
    """Report TEMPLATE_UNKNOWN_FIELD; warn with TEMPLATE_MISSING; fill `item_schema`.

    A reference whose presence a condition asks for, or whose step says `on_missing`, is not warned of.
    """
    guarded = guarded_paths(work.connection.conditions, work.ids) if work.condition else set()
    for number, step in enumerate(work.connection.steps):
        mine = work.steps[number]
        paths = guarded | guarded_paths(step.if_, work.ids) if mine.condition else guarded
        decided = step.on_missing is not None
        if mine.foreach_in is not None:
            _check(work, number, mine.foreach_in, f"/steps/{number}/foreach/in", None if decided else paths)
            mine.item_schema = _items(work, number, mine.foreach_in)
        if mine.template is not None:
            _check(work, number, mine.template, f"/steps/{number}/params", None if decided else paths)


def _items(work: Work, number: int, listed: Template) -> Json:
    """The schema of what `foreach` goes through."""
    presence, schema = reach_reference(work, number, listed.references[0].reference)
    if presence is not Presence.NEVER and fits(schema, {"type": "array"}) is Fit.NEVER:
        at = f"/steps/{number}/foreach/in"
        work.findings.error(
            at,
            "PARAM_TYPE",
            f"`{listed.references[0].reference.text}` is no list.",
            "`foreach` runs the step once for each item of a list.",
        )
    return lookup(schema, (0,))[1] or {}


def _check(work: Work, number: int, template: Template, at: str, guarded: set[tuple[str | int, ...]] | None) -> None:
    for placed in template.references:
        found = placed.reference
        presence, _ = reach_reference(work, number, found)
        if presence is Presence.NEVER:
            _impossible(work, number, placed, at)
        elif presence is Presence.MAYBE and guarded is not None and not _is_decided(work, found, guarded):
            work.findings.warn(
                at + placed.pointer,
                "TEMPLATE_MISSING",
                f"`{found.text}` may be missing.",
                "Set the step's `on_missing`, or add a condition `exists`.",
            )


def _is_decided(work: Work, found: Reference, guarded: set[tuple[str | int, ...]]) -> bool:
    """Does a condition ask for it, or is the event itself a mistake that hides what it brings?"""
    if found.root == "trigger" and work.origin.wrong:
        return True
    return any(path[: len(found.path)] == found.path for path in guarded)


def _impossible(work: Work, number: int, placed: Placed, at: str) -> None:
    found = placed.reference
    words = found.text.split(".")
    start = 2 if found.root == "steps" else 1
    for end in range(start + 1, len(words) + 1):
        shorter = Reference(".".join(words[:end]), found.path[:end])
        if reach_reference(work, number, shorter)[0] is Presence.NEVER:
            before = Reference("", found.path[: end - 1])
            known = _names(reach_reference(work, number, before)[1])
            near = nearest(words[end - 1], known)
            work.findings.error(
                at + placed.pointer,
                "TEMPLATE_UNKNOWN_FIELD",
                f"There is no `{words[end - 1]}` in `{'.'.join(words[: end - 1])}`.",
                f"Did you mean `{'.'.join((*words[: end - 1], near))}`?" if near else _listed(words, end, known),
            )
            return
    work.findings.error(
        at + placed.pointer,
        "TEMPLATE_UNKNOWN_FIELD",
        f"`{found.text}` is nothing that can be passed on.",
        f"Name one: `{found.text}.name`.",
    )


def _listed(words: list[str], end: int, known: list[str]) -> str:
    place = ".".join(words[: end - 1])
    return f"It has {', '.join(f'`{each}`' for each in known[:12])}." if known else f"`{place}` has no fields."


def _names(schema: Json) -> list[str]:
    """The properties that a schema names, for hints."""
    if not isinstance(schema, dict):
        return []
    found = list(schema.get("properties", ())) if "object" in types_of(schema) else []
    for key in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(key, ()):
            found += _names(each)
    return list(dict.fromkeys(found))

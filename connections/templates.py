"""Templates: parameters with references, parsed once when a Connection is compiled, rendered at each firing."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from catalog.diagnostics import pointer
from catalog.errors import FabricError, Invalid
from catalog.jsonvalue import Json
from connections import render_fast
from connections.builder import BROKEN
from connections.references import Reference, Scope, scan
from connections.render_careful import MAX_BYTES, Careful, Text
from connections.render_fast import BYTES_A_CHARACTER, UNUSUAL, Renderer

MAX_DEPTH = 64
MAX_REFERENCES = 256

Report = Callable[[FabricError, str], None]
"""Told of each mistake in a template, and the JSON pointer of the value it stands in."""


class Placed(msgspec.Struct, frozen=True):
    """A reference and where it stands within the parameters, and whether it is the whole value there."""

    reference: Reference
    path: tuple[str | int, ...]
    whole: bool

    @property
    def pointer(self) -> str:
        """The JSON pointer of `path`."""
        return pointer(*self.path)


class Template:
    """Parsed parameters. `references` lists every look-up; `value` is what the author wrote.

    `node` is `value` with a Reference or a Text in the place of each string that holds references.
    """

    __slots__ = ("_render", "node", "references", "secret_pointers", "value")

    def __init__(self, value: Json, node: Json, references: tuple[Placed, ...]) -> None:
        self.value = value
        self.references = references
        self.secret_pointers = frozenset(each.pointer for each in references if each.reference.root == "secrets")
        """JSON pointers of the parameters that hold a secret once they are rendered."""
        self.node = node
        self._render = _compiled(node, len(references), value)

    def render(self, context: Json) -> Json:
        """The value with every reference looked up once in `context`; always a copy, `context` stays as it is.

        `context` maps `trigger`, `run`, `connection`, `event`, `secrets` and the name after `as` to their values, and
        `steps` to a list by number. Raises Invalid TEMPLATE_MISSING, TooLarge TEMPLATE_TOO_LARGE; no message quotes a
        payload.
        """
        try:
            return self._render(context)
        except UNUSUAL:
            return Careful(empty=False).render(self.node, context)

    def render_empty(self, context: Json) -> tuple[Json, tuple[str, ...]]:
        """As `render`, but null stands for what is missing; also the references that were, as written."""
        try:
            return self._render(context), ()
        except UNUSUAL:
            careful = Careful(empty=True)
            return careful.render(self.node, context), tuple(careful.missing)

    @property
    def constant(self) -> bool:
        """Has it no reference at all?"""
        return not self.references

    @property
    def roots(self) -> frozenset[str]:
        """The first words of its references."""
        return frozenset(each.reference.root for each in self.references)


def parse(value: Json, *, step: int | None = None, ids: Sequence[str | None] = ()) -> Template:
    """Parse any parameters. `step` is the number of the step they belong to, `ids[n]` the id of step n.

    Raises Invalid TEMPLATE_SYNTAX, TEMPLATE_UNKNOWN_ROOT, TEMPLATE_UNKNOWN_STEP, TEMPLATE_FORWARD_REF,
    TEMPLATE_TOO_DEEP or TEMPLATE_TOO_MANY.
    """
    return build(value, Scope(ids=ids, step=step), _raise)


def build(value: Json, scope: Scope, report: Report) -> Template:
    """Parse parameters, telling `report` of each mistake; BROKEN stands in the template's `node` for each."""
    parser = _Parser(scope, report)
    return Template(value, parser.node(value, (), 0), tuple(parser.references))


def _raise(error: FabricError, _pointer: str) -> None:
    raise error


class _Parser:
    def __init__(self, scope: Scope, report: Report) -> None:
        self._scope = scope
        self._report = report
        self._full = False
        self.references: list[Placed] = []

    def node(self, value: Json, path: tuple[str | int, ...], depth: int) -> Json:
        kind = type(value)
        if kind is str:
            return self._text(value, path) if "{{" in value else value
        if kind is not dict and kind is not list:
            return value
        if depth >= MAX_DEPTH:
            mistake = Invalid(
                "TEMPLATE_TOO_DEEP", f"The parameters are nested deeper than {MAX_DEPTH}.", hint="Flatten them."
            )
            self._report(mistake, pointer(*path))
            return BROKEN
        if kind is dict:
            return {key: self.node(each, (*path, key), depth + 1) for key, each in value.items()}
        return [self.node(each, (*path, number), depth + 1) for number, each in enumerate(value)]

    def _text(self, text: str, path: tuple[str | int, ...]) -> Json:
        try:
            parts = scan(text, self._scope)
        except FabricError as error:
            self._report(error, pointer(*path))
            return BROKEN
        whole = len(parts) == 1
        for part in parts:
            if isinstance(part, Reference):
                self.references.append(Placed(part, path, whole))
        if len(self.references) > MAX_REFERENCES and not self._full:
            self._full = True
            mistake = Invalid(
                "TEMPLATE_TOO_MANY",
                f"A step has more than {MAX_REFERENCES} references.",
                hint="Refer to whole objects, or split the step.",
            )
            self._report(mistake, pointer(*path))
        return parts[0] if whole else Text(parts)


_OVERHEAD: Final = 64
"""Characters of quotes and punctuation around a value, generously."""


def _compiled(node: Json, references: int, value: Json) -> Renderer:
    """The fast renderer. Each reference has a like share of the limit, less what the constants take at most."""
    constants = _bound(value)
    share = (MAX_BYTES - constants) // (BYTES_A_CHARACTER * max(references, 1)) - _OVERHEAD
    return _closure(node, share) if share >= 0 else render_fast.never


def _bound(value: Json) -> int:
    """The most bytes that a plain value takes as JSON."""
    kind = type(value)
    if kind is str:
        return BYTES_A_CHARACTER * len(value) + 3
    if kind is dict:
        return 2 + sum(BYTES_A_CHARACTER * len(key) + 4 + _bound(each) for key, each in value.items())
    if kind is list:
        return 2 + sum(1 + _bound(each) for each in value)
    return 32


def _closure(node: Json, share: int) -> Renderer:
    kind = type(node)
    if kind is Reference:
        return render_fast.whole(node, share)
    if kind is Text:
        return render_fast.text(node.parts, share)
    if kind is dict:
        return render_fast.mapping([(key, _closure(each, share)) for key, each in node.items()])
    if kind is list:
        return render_fast.sequence([_closure(each, share) for each in node])
    return render_fast.scalar(node)

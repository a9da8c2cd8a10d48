"""Conditions, compiled to closures. Nothing raises at run time; what is missing satisfies `not_exists` alone."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import UNSET

from catalog.jsonvalue import Json
from connections.lookup import MISSING, NOT_THERE, find, getter, index_of
from connections.model import Condition
from connections.operators import Test, test_of
from connections.references import PLAIN_ROOTS, Scope, reference

Holds = Callable[[Json], bool]
EqualityTerm = tuple[tuple[str, ...], str | int | float | bool]
"""A path below `trigger`, and the constant that must stand there."""

_INDEXED = str | int | float | bool


class Explained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One condition of a firing: where it is written, whether it held, and for a leaf whether its field was there.

    It names no value: who may read a report may not be who may read payloads.
    """

    pointer: str
    held: bool
    field: str = ""
    operator: str = ""
    present: bool | None = None
    parts: tuple["Explained", ...] = ()


class Check:
    """All conditions of a list. `equality_terms` are those that must hold for the whole to hold, as written."""

    __slots__ = ("_conditions", "_scope", "equality_terms", "holds", "roots")

    def __init__(self, conditions: Sequence[Condition], ids: Sequence[str | None] = ()) -> None:
        self._conditions = tuple(conditions)
        self._scope = Scope(roots=PLAIN_ROOTS, ids=ids)
        self.roots: frozenset[str] = frozenset(self._roots(self._conditions))
        """The first words of all fields."""
        self.holds: Holds = _every([self._compile(each) for each in self._conditions])
        """Do all conditions hold in this context?"""
        self.equality_terms: tuple[EqualityTerm, ...] = tuple(self._terms(self._conditions))

    def explain(self, context: Json, pointer: str = "/conditions") -> tuple[Explained, ...]:
        """What became of each condition. `pointer` is where the list is written."""
        return tuple(self._explain(each, context, f"{pointer}/{n}") for n, each in enumerate(self._conditions))

    def _path(self, field: str) -> tuple[str | int, ...]:
        return reference(field, self._scope).path

    def _roots(self, conditions: Sequence[Condition]) -> Iterator[str]:
        for each in leaves(conditions):
            yield str(self._path(str(each.field))[0])

    def _compile(self, condition: Condition) -> Holds:
        if condition.all is not UNSET:
            return _every([self._compile(each) for each in condition.all])
        if condition.any is not UNSET:
            return _some([self._compile(each) for each in condition.any])
        if condition.not_ is not UNSET:
            inner = self._compile(condition.not_)
            return lambda context: not inner(context)
        return _leaf(self._path(str(condition.field)), str(condition.operator), condition.value)

    def _terms(self, conditions: Sequence[Condition]) -> Iterator[EqualityTerm]:
        for each in conditions:
            if each.all is not UNSET:
                yield from self._terms(each.all)
            elif each.operator == "eq" and isinstance(constant := each.value, _INDEXED):
                root, *path = self._path(str(each.field))
                words = [segment for segment in path if isinstance(segment, str) and index_of(segment) is None]
                # A segment that may be a list's index or an object's key has no one place in an index.
                if root == "trigger" and path and len(words) == len(path):
                    yield tuple(words), constant

    def _explain(self, condition: Condition, context: Json, at: str) -> Explained:
        held = self._compile(condition)(context)
        for name, group in (("all", condition.all), ("any", condition.any)):
            if group is not UNSET:
                parts = tuple(self._explain(each, context, f"{at}/{name}/{n}") for n, each in enumerate(group))
                return Explained(pointer=at, held=held, operator=name, parts=parts)
        if condition.not_ is not UNSET:
            part = self._explain(condition.not_, context, f"{at}/not")
            return Explained(pointer=at, held=held, operator="not", parts=(part,))
        field = str(condition.field)
        present = find(context, self._path(field)) is not MISSING
        return Explained(pointer=at, held=held, field=field, operator=str(condition.operator), present=present)


def leaves(conditions: Sequence[Condition]) -> Iterator[Condition]:
    """Every leaf, however deep."""
    for each in conditions:
        for group in (each.all, each.any):
            if group is not UNSET:
                yield from leaves(group)
        if each.not_ is not UNSET:
            yield from leaves((each.not_,))
        elif each.field is not UNSET:
            yield each


def _every(parts: list[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda context: first(context) and second(context)
    return lambda context: all(part(context) for part in parts)


def _some(parts: list[Holds]) -> Holds:
    if len(parts) == 1:
        return parts[0]
    return lambda context: any(part(context) for part in parts)


def _leaf(path: tuple[str | int, ...], operator: str, value: Json) -> Holds:
    if operator == "not_exists":
        return lambda context: find(context, path) is MISSING
    if operator == "eq" and type(value) is str and len(path) == 2 and index_of(str(path[1])) is None:
        return _equals_text(path, value)
    return _tested(path, test_of(operator, None if value is UNSET else value))


def _equals_text(path: tuple[str | int, ...], value: str) -> Holds:
    root, field = path

    def holds(context: Json) -> bool:
        try:
            return bool(context[root][field] == value)
        except NOT_THERE:
            return bool(find(context, path) == value)

    return holds


def _tested(path: tuple[str | int, ...], test: Test) -> Holds:
    get = getter(path)

    def holds(context: Json) -> bool:
        try:
            found = get(context)
        except NOT_THERE:
            found = find(context, path)
            if found is MISSING:
                return False
        return test(found)

    return holds

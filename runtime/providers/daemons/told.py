"""Told: a daemon's answer as a typed record."""

from typing import TypeVar

import msgspec
from msgspec import inspect

from catalog.errors import TargetFailed
from catalog.jsonvalue import Json

T = TypeVar("T")

_INFOS: dict[type, inspect.Type] = {}


def told(document: Json, kind: type[T]) -> T:
    """The answer as `kind`; what a newer daemon says besides is left out. Raises TargetFailed DAEMON_ANSWER."""
    try:
        return msgspec.convert(_kept(document, _info(kind)), kind)
    except msgspec.ValidationError as error:
        raise TargetFailed(
            "DAEMON_ANSWER",
            f"The daemon's answer is not what it should be: {error}.",
            hint="Run the same version at both ends.",
        ) from None


def _info(kind: type) -> inspect.Type:
    if kind not in _INFOS:
        _INFOS[kind] = inspect.type_info(kind)
    return _INFOS[kind]


def _kept(value: Json, info: inspect.Type) -> Json:
    """`value` without the fields that `info` does not know."""
    if isinstance(info, inspect.Metadata):
        return _kept(value, info.type)
    if isinstance(info, inspect.UnionType):
        fit = next((each for each in info.types if _fits(value, each)), None)
        return value if fit is None else _kept(value, fit)
    if isinstance(info, inspect.StructType) and isinstance(value, dict):
        return {
            each.encode_name: _kept(value[each.encode_name], each.type)
            for each in info.fields
            if each.encode_name in value
        }
    if isinstance(info, inspect.VarTupleType | inspect.ListType) and isinstance(value, list | tuple):
        return [_kept(each, info.item_type) for each in value]
    if isinstance(info, inspect.DictType) and isinstance(value, dict):
        return {key: _kept(each, info.value_type) for key, each in value.items()}
    return value


def _fits(value: Json, info: inspect.Type) -> bool:
    if isinstance(info, inspect.Metadata):
        return _fits(value, info.type)
    if isinstance(value, dict):
        return isinstance(info, inspect.StructType | inspect.DictType)
    return isinstance(value, list | tuple) and isinstance(info, inspect.VarTupleType | inspect.ListType)

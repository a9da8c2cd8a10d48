"""Random JSON Schemas over a small world, and every value of that world: what a schema means can be tried out."""

from itertools import product

from hypothesis import strategies as st

from catalog.jsonvalue import Json

_SCALARS: list[Json] = [None, True, False, -1, 0, 1, 2, 3, 0.5, 1.0, 2.5, "", "a", "b", "ab", "abc", "ba"]
_FEW: list[Json] = [None, True, 0, 2, 0.5, "a", "ab"]


def world() -> list[Json]:
    """Scalars, lists of up to two, and objects with up to three of the keys `x`, `y`, `z`."""
    values = [*_SCALARS, [], *([each] for each in _FEW), *([one, two] for one, two in product(_FEW, _FEW))]
    values += [{}, *({"x": each} for each in (*_FEW, [], ["a"], {"x": 1}))]
    values += [{"x": one, "y": two} for one, two in product(_FEW, _FEW)]
    values += [{"y": each, "z": "a"} for each in _FEW]
    values += [{"x": "a", "y": 2, "z": each} for each in _FEW]
    return values


def _bounds(lowest: str, highest: str, values: st.SearchStrategy[float]) -> st.SearchStrategy[dict[str, Json]]:
    return st.fixed_dictionaries({}, optional={lowest: values, highest: values})


_numbers = st.sampled_from([-1, 0, 1, 2, 2.5, 3])
_sizes = st.integers(0, 3)
_number = st.builds(
    lambda kind, inner, outer, also: {"type": kind, **inner, **outer, **also},
    st.sampled_from(["number", "integer"]),
    _bounds("minimum", "maximum", _numbers),
    _bounds("exclusiveMinimum", "exclusiveMaximum", _numbers),
    st.sampled_from([{}, {}, {"multipleOf": 2}]),
)
_string = st.builds(
    lambda bounds, also: {"type": "string", **bounds, **also},
    _bounds("minLength", "maxLength", _sizes),
    st.sampled_from([{}, {}, {"pattern": "^a"}, {"pattern": "b"}]),
)
_leaf = st.one_of(
    st.sampled_from([True, False, {}, {"type": "null"}, {"type": "boolean"}, {"type": ["string", "null"]}]),
    st.builds(lambda values: {"enum": values}, st.lists(st.sampled_from(_SCALARS), min_size=1, max_size=4)),
    st.builds(lambda value: {"const": value}, st.sampled_from([*_SCALARS, [], {"x": 1}])),
    st.sampled_from([{"type": "boolean", "enum": [True, False]}, {"type": ["object", "array"], "minItems": 1}]),
    st.sampled_from([{"not": {"type": "string"}}, {"properties": {"x": {"type": "string"}}, "required": ["x"]}]),
    _number,
    _string,
)


def _composed(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    array = st.builds(
        lambda items, bounds, also: {"type": "array", "items": items, **bounds, **also},
        inner,
        _bounds("minItems", "maxItems", _sizes),
        st.sampled_from([{}, {}, {"uniqueItems": True}, {"prefixItems": [{"type": "string"}]}]),
    )
    record = st.builds(
        lambda properties, required, others, also: {
            "type": "object",
            "properties": properties,
            "required": required,
            **others,
            **also,
        },
        st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
        st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
        st.one_of(st.just({}), st.builds(lambda each: {"additionalProperties": each}, inner | st.booleans())),
        st.sampled_from([{}, {}, {"patternProperties": {"^z": {"type": "string"}}}, {"minProperties": 2}]),
    )
    groups = st.builds(
        lambda key, branches, beside: {key: branches, **beside},
        st.sampled_from(["anyOf", "oneOf", "allOf"]),
        st.lists(inner, min_size=1, max_size=3),
        st.sampled_from([{}, {"type": "object"}, {"type": "string"}, {"required": ["x"]}]),
    )
    return st.one_of(array, record, groups)


schemas = st.recursive(_leaf, _composed, max_leaves=6)
"""JSON Schemas built of everything that `fit` understands and a few things that it does not."""

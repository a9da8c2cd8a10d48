"""The comparer of shapes: what it must see."""

import copy
import json

import pytest

from catalog.jsonvalue import Json
from tests.reference.samples import samples
from tests.reference.shapes import differences, fields

ANSWERED = [each for each in samples().values() if each.response is not None]


@pytest.mark.parametrize("sample", ANSWERED, ids=lambda each: each.name)
def test_every_sample_has_its_own_shape_and_misses_each_field_that_is_taken_away(sample: Json) -> None:
    assert list(differences(sample.response, sample.response)) == []
    for path in fields(sample.response):
        broken = copy.deepcopy(sample.response)
        _remove(broken, path)
        assert list(differences(sample.response, broken)), path


def _remove(value: Json, path: str) -> None:
    *way, last = path.split(".")
    for part in way:
        value = value[part.removesuffix("[]")]
        value = value[0] if part.endswith("[]") else value
    del value[last]


@pytest.mark.parametrize(
    ("sample", "actual"),
    [
        ('{"a": 1}', '{"a": 1.5}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 1.0}', '{"a": "1"}'),
        ('{"a": true}', '{"a": 1}'),
        ('{"a": [1]}', '{"a": []}'),
        ('{"a": [1]}', '{"a": {}}'),
        ('{"a": {"b": 1}}', '{"a": []}'),
        ('{"a": "2025-01-15T10:23:45Z"}', '{"a": "2025-01-15 10:23"}'),
        ('{"a": "2025-01-15T10:23:45.123456789Z"}', '{"a": "2025-01-15T10:23:45Z"}'),
        ('{"a": "15ms"}', '{"a": "0.015"}'),
        ('{"a": "245Mi"}', '{"a": "245"}'),
        ('{"a": "4h 30m 15s"}', '{"a": "16215"}'),
        ('{"a": "api-service-a1b2c3"}', '{"a": "api-service"}'),
        ('{"a": "api-service-a1b2c3-0"}', '{"a": "api-service-a1b2c3"}'),
        ('{"a": "svc-a1b2c3d4"}', '{"a": "hello-a1b2c3"}'),
        ('{"state": "running"}', '{"state": "fine"}'),
        ('{"a": "x"}', '{"a": null}'),
    ],
)
def test_what_has_another_shape_is_seen(sample: str, actual: str) -> None:
    assert list(differences(json.loads(sample), json.loads(actual)))


def test_more_than_the_sample_is_no_difference() -> None:
    assert list(differences({"a": 1.0}, {"a": 2, "b": []})) == []

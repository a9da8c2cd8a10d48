"""The coverage of the reference is honest: nothing without a test, no test that is not there, no claim of nothing."""

import pytest

from tests.reference.coverage import claims, coverage, functions
from tests.reference.items import items, matching
from tests.reference.samples import SAMPLES, samples


def test_every_item_of_the_reference_has_a_test() -> None:
    assert [item for item, tests in coverage().items() if not tests] == []


def test_every_test_that_is_named_is_there() -> None:
    known = functions()
    assert [test for _, test in claims() if test not in known] == []


def test_every_claim_is_of_something() -> None:
    assert [pattern for pattern, _ in claims() if not matching(pattern)] == []


def test_every_setting_is_proved_by_what_it_does_and_not_only_by_its_default() -> None:
    only_default = "tests/reference/test_settings.py::test_a_key_is_taken_as_it_is_printed_and_is_the_default"
    alone = [each for each, tests in coverage().items() if each.startswith("setting ") and tests == [only_default]]
    assert alone == []


def test_every_sample_is_read() -> None:
    named = {path.name for path in SAMPLES.glob("*.json")} - {"error.json"}
    bodies = sum((each.request is not None) + (each.response is not None) for each in samples().values())
    assert len(named) == bodies


@pytest.mark.parametrize("kind", ["heading", "endpoint", "request", "response", "code", "metric", "setting", "command"])
def test_there_are_items_of_every_kind(kind: str) -> None:
    assert any(each.startswith(f"{kind} ") for each in items())

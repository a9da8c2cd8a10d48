"""The corpora: YAML files of cases, each case one test that bears its id.

`FABRIC_CORPORA` names another folder of the same shape. A field that no test knows is a failure, never ignored:
a corpus must not say something that nobody checks.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml
from _pytest.mark.structures import ParameterSet

from catalog.jsonvalue import Json

FOLDER = Path(os.environ.get("FABRIC_CORPORA") or Path(__file__).parent)
"""Where the corpora lie."""


@cache
def load(name: str) -> Json:
    """The corpus `name` (`ssrf.yaml`) as plain values; tests must not change them."""
    return yaml.load((FOLDER / name).read_bytes(), yaml.CSafeLoader)


def each(name: str, *sections: str) -> list[ParameterSet]:
    """The parameters `(section, case)` of every case in those sections, each with the case's id as its test id.

    Raises ValueError where the corpus has no case at all, has one id twice, or has a top-level key that is neither
    one of `sections` nor `meta` nor a mapping's (a mapping at the top is shared context, not cases).
    """
    corpus = load(name)
    unknown = {key for key, value in corpus.items() if isinstance(value, list)} - set(sections)
    found = [(section, case) for section in sections for case in corpus.get(section, ())]
    ids = [case["id"] for _, case in found]
    if unknown or not found or len(set(ids)) != len(ids):
        raise ValueError(f"corpus `{name}`: unknown sections {sorted(unknown)}, {len(ids)} cases, ids must be unique")
    return [pytest.param(section, case, id=case["id"]) for section, case in found]


def check_fields(value: Json, *, required: Iterable[str], optional: Iterable[str] = ()) -> None:
    """Fail where a case lacks a field it must have, or has one that this test does not know."""
    present, needed = set(value), set(required)
    unknown = sorted(present - needed - set(optional))
    missing = sorted(needed - present)
    assert not unknown, f"unknown fields {unknown}"
    assert not missing, f"missing fields {missing}"

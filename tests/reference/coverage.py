"""Coverage: for each item of the reference the tests that prove it, by their marks and by PROOFS."""

import ast
from collections import defaultdict
from pathlib import Path

from tests.reference.items import items, matching
from tests.reference.proofs import PROOFS

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
MARK = "reference"


def functions() -> dict[str, tuple[str, ...]]:
    """Every test function as `path::name`, with the patterns that it is marked with."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(ROOT).as_posix()
        for node in module.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = [pattern for each in node.decorator_list for pattern in _patterns(each)]
                found[f"{where}::{node.name}"] = tuple(marks)
    return found


def _patterns(mark: ast.expr) -> list[str]:
    if not (isinstance(mark, ast.Call) and getattr(mark.func, "attr", "") == MARK):
        return []
    return [str(ast.literal_eval(each)) for each in mark.args]


def claims() -> list[tuple[str, str]]:
    """Every pattern with the test that claims it."""
    marked = [(pattern, test) for test, patterns in functions().items() for pattern in patterns]
    return marked + [(pattern, test) for pattern, tests in PROOFS.items() for test in tests]


def coverage() -> dict[str, list[str]]:
    """Every item with the tests that prove it, in the reference's order."""
    found: dict[str, set[str]] = defaultdict(set)
    for pattern, test in claims():
        for item in matching(pattern):
            found[item].add(test)
    return {item: sorted(found[item]) for item in items()}

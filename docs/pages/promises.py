"""docs/promises.md: each promise with the tests that are marked to prove it, and how often they try."""

import ast
from collections import defaultdict
from pathlib import Path

from docs.pages.promise_texts import OPEN, PROMISES

TESTS = Path(__file__).parents[2] / "tests"


def proofs() -> dict[str, list[tuple[str, int]]]:
    """For each promise: (test, count) of every test that carries `@pytest.mark.promise`."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                for mark in node.decorator_list:
                    _note(mark, f"{path.relative_to(TESTS.parent).as_posix()}::{node.name}", found)
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "pytestmark":
                for part in ast.walk(node.value):
                    _note(part, path.relative_to(TESTS.parent).as_posix(), found)
    return dict(found)


def _note(mark: ast.AST, test: str, found: dict[str, list[tuple[str, int]]]) -> None:
    if not (isinstance(mark, ast.Call) and getattr(mark.func, "attr", "") == "promise"):
        return
    counts = [each.value for each in mark.keywords if each.arg == "count"]
    count = ast.literal_eval(counts[0]) if counts and isinstance(counts[0], ast.Constant) else 1
    for each in mark.args:
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            found[each.value].append((test, count))


def page() -> str:
    """The table; a promise without a test stands as open, with its reason."""
    proved = proofs()
    unknown = proved.keys() - PROMISES.keys()
    silent = [each for each in PROMISES if each not in proved and each not in OPEN]
    if unknown or silent:
        raise SystemExit(f"promises nobody knows: {sorted(unknown)}; neither proved nor open: {silent}")
    lines = [
        "# Promises",
        "",
        "What is promised, the tests that fail when a promise is broken, and how often each tries in `make test`.",
        "",
        "| id | promise | proof | open |",
        "|---|---|---|---|",
    ]
    for name, text in PROMISES.items():
        tests = "<br>".join(
            f"`{test}`" + (f" × {count:,}" if count > 1 else "") for test, count in sorted(set(proved.get(name, [])))
        )
        lines.append(f"| {name} | {text} | {tests or '—'} | {OPEN.get(name, '')} |")
    return "\n".join(lines)

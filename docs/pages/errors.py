"""docs/errors.md: every code that the source can raise or report, with what it says."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import catalog.errors

ROOT = Path(__file__).parents[2]
PACKAGES = ("catalog", "connections", "engine", "runtime", "api")
_CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z")
_STATUS = {
    name: kind.status
    for name, kind in vars(catalog.errors).items()
    if isinstance(kind, type) and issubclass(kind, catalog.errors.FabricError)
}


def codes() -> dict[str, dict[str, set[str]]]:
    """For each code: `status`, `says`, `do` and `where`, as the calls that carry it show them."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    _note(node, path.relative_to(ROOT).as_posix(), found)
    return dict(found)


def _note(call: ast.Call, where: str, found: dict[str, dict[str, set[str]]]) -> None:
    arguments = [*call.args, *(each.value for each in call.keywords if each.arg == "code")]
    position = next((n for n, each in enumerate(arguments[:3]) if _is_code(each)), None)
    if position is None:
        return
    code = arguments[position]
    entry = found[str(getattr(code, "value", ""))]
    entry["where"].add(where)
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name in _STATUS:
        entry["status"].add(str(_STATUS[name]))
    for message in arguments[position + 1 : position + 2]:
        entry["says"].add(_text(message))
    for keyword in call.keywords:
        if keyword.arg in ("message", "hint"):
            entry["do" if keyword.arg == "hint" else "says"].add(_text(keyword.value))


def _is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_CODE.match(node.value))


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)  # type: ignore[misc]  # constants of an f-string are text
    return ""


def page() -> str:
    """A heading a code."""
    lines = [
        "# Errors",
        "",
        "Codes are stable and never reused. `/api/v1` answers them as `application/problem+json`; `…` stands for a name.",
        "",
    ]
    for code, facts in sorted(codes().items()):
        lines += [f"## {code}", ""]
        lines += [f"{says}" for says in sorted(facts["says"]) if says]
        lines += [f"\nDo: {do}" for do in sorted(facts["do"]) if do]
        if facts["status"]:
            lines.append(f"\nHTTP status: {', '.join(sorted(facts['status']))}.")
        lines += [f"\nFrom {', '.join(f'`{each}`' for each in sorted(facts['where']))}.", ""]
    return "\n".join(lines)

"""docs/errors.md: every code that the source can raise or report, with what it says."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import catalog.errors

ROOT = Path(__file__).parents[2]
PACKAGES = ("catalog", "connections", "engine", "runtime", "api")
_CODE = re.compile(r"(?!FABRIC_|ADAPTER_)[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z")
_STATUS = {
    name: kind.status
    for name, kind in vars(catalog.errors).items()
    if isinstance(kind, type) and issubclass(kind, catalog.errors.FabricError)
}


def codes() -> dict[str, dict[str, set[str]]]:
    """For each code: `status`, `says`, `do` and `where`, as the calls and tables that carry it show them."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    _note_call(node, where, found)
                elif isinstance(node, ast.Tuple):
                    _note(node.elts, where, found)
    return dict(found)


def _note(values: list[ast.expr], where: str, found: dict[str, dict[str, set[str]]]) -> list[str]:
    """Note the codes that stand at the head of `values`, the message behind them, and a hint behind that."""
    position = next((n for n, each in enumerate(values[:3]) if _codes_in(each)), None)
    if position is None:
        return []
    named = _codes_in(values[position])
    for code in named:
        found[code]["where"].add(where)
        for kind, value in zip(("says", "do"), values[position + 1 : position + 3], strict=False):
            found[code][kind] |= set(_texts(value))
    return named


def _note_call(call: ast.Call, where: str, found: dict[str, dict[str, set[str]]]) -> None:
    named = _note([*call.args, *(each.value for each in call.keywords if each.arg == "code")], where, found)
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    for code in named:
        if name in _STATUS:
            found[code]["status"].add(str(_STATUS[name]))
        for keyword in call.keywords:
            if keyword.arg in ("message", "hint"):
                found[code]["do" if keyword.arg == "hint" else "says"] |= set(_texts(keyword.value))


def _codes_in(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_codes_in(node.body), *_codes_in(node.orelse)]
    return [str(node.value)] if isinstance(node, ast.Constant) and _is_code(node.value) else []


def _is_code(value: object) -> bool:
    return isinstance(value, str) and bool(_CODE.match(value))


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_code(node.value):
        return [node.value]
    if isinstance(node, ast.JoinedStr):
        return ["".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)]
    return []


def page() -> str:
    """A heading a code."""
    lines = [
        "# Errors",
        "",
        "Codes are stable and never reused. `/api/v1` answers them as `application/problem+json`; `…` is a name.",
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

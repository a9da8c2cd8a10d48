"""Every code has a heading in docs/errors.md, and every page is as fresh as the code."""

import ast
import re
from pathlib import Path

import pytest

from docs.generate import main
from docs.pages.errors import PACKAGES, ROOT, codes

SHAPE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\Z")
NOT_CODES = re.compile(r"FABRIC_|FABRICKS_|ADAPTER_|SANIC_|MALLOC_|XDG_|SSL_CERT_|CONTENT_TYPE\Z")
OTHERS_NAMES = (
    "api/hardening.py",
    "runtime/wasm/guest/cgi_answer.py",
    "runtime/wasm/guest/probe.py",
    "runtime/wasm/host/ending.py",
)
"""Files that name Sanic's settings, RFC 3875's variables, wasmtime's traps."""


def test_every_code_in_the_source_has_a_heading_and_the_page_no_other() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (\S+)$", page, re.MULTILINE)
    assert headings == sorted(set(headings))
    assert set(headings) == set(codes())
    nowhere = {name for name in constants() if name not in headings}
    assert nowhere == set()


def constants() -> set[str]:
    """Every text in the packages that looks like a code, but for names of settings."""
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            where = path.relative_to(ROOT).as_posix()
            if where in OTHERS_NAMES:
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found |= {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)} - exported(tree)
    return {each for each in found if SHAPE.match(each) and not NOT_CODES.match(each)}


def exported(tree: ast.Module) -> set[str]:
    """What a module's `__all__` names."""
    lists = [
        each.value for each in tree.body if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__"
    ]
    return {
        node.value
        for each in lists
        for node in ast.walk(each)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_generated_pages_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["docs.generate", "--check"])
    assert main() == 0


def test_every_page_of_docs_that_the_readme_names_exists() -> None:
    for page in (Path(ROOT) / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")):
        for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} names {link}"

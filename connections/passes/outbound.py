"""Parameters that leave the house: URLs whose host no payload may choose, and headers that are ours to set."""

import re
from collections.abc import Iterator

from catalog.errors import FabricError
from catalog.headers import header_problem
from catalog.jsonvalue import Json
from catalog.urls import parse_url
from connections.passes.problems import Path, Problem, named
from connections.references import Reference
from connections.render_careful import Text

_FIXED_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]+[/?#]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STAND_IN = "x"


def url_problems(node: Json, path: Path) -> Iterator[Problem]:
    """TEMPLATE_IN_URL_HOST and PARAM_URL, for a value whose schema says `format: uri`."""
    if type(node) is Reference and node.root != "secrets":
        yield _in_host(path)
    elif type(node) is Text:
        head = node.parts[0]
        if not isinstance(head, str) or not _FIXED_HOST.match(head):
            yield _in_host(path)
        else:
            yield from _text_problems(
                "".join(each if isinstance(each, str) else _STAND_IN for each in node.parts), path
            )
    elif type(node) is str:
        yield from _text_problems(node, path)


def _in_host(path: Path) -> Problem:
    return Problem(
        path,
        "TEMPLATE_IN_URL_HOST",
        f"Scheme and host of {named(path)} are templated; a payload must not choose where data goes.",
        "Write them out up to the `/` after the host, or use a whole `{{secrets.name}}`.",
    )


def _text_problems(text: str, path: Path) -> Iterator[Problem]:
    try:
        parse_url(text)
    except FabricError as error:
        yield Problem(path, "PARAM_URL", error.message, error.hint or "Write `https://host/path`.")


def header_problems(headers: dict[str, Json], path: Path) -> Iterator[Problem]:
    """PARAM_HEADER, for a map whose schema says `x-fabric-headers`. References are looked at again at firing."""
    seen: set[str] = set()
    for name, node in headers.items():
        text = node
        if type(node) is Text:
            text = "".join(each for each in node.parts if isinstance(each, str))
        text = text if type(text) is str else ""
        problem = header_problem(name, text)
        if problem is None and _CONTROL.search(text):
            problem = f"The value of header `{name}` holds a control character."
        if problem is None and name.lower() in seen:
            problem = f"Header `{name}` is given twice."
        seen.add(name.lower())
        if problem is not None:
            yield Problem((*path, name), "PARAM_HEADER", problem, "Remove it from `headers`.")

"""The small words: media types, pointers, authors, errors."""

import pytest

from catalog import errors
from catalog.artifacts import accepts_any, media_matches
from catalog.authority import Author
from catalog.diagnostics import Diagnostic, pointer
from catalog.errors import ConnectionInvalid, FabricError, TooMany


@pytest.mark.parametrize(
    ("offered", "accepted", "answer"),
    [
        ("image/jpeg", "image/jpeg", True),
        ("IMAGE/JPEG; q=1", "image/jpeg", True),
        ("image/png", "image/*", True),
        ("image/png", "*/*", True),
        ("image/png", "image/jpeg", False),
        ("image", "image/*", False),
        ("", "*/*", False),
        ("image/png", "", False),
    ],
)
def test_media_types_match(offered: str, accepted: str, answer: bool) -> None:
    assert media_matches(offered, accepted) is answer
    assert accepts_any(("text/x", offered), (accepted,)) is (answer or accepted == "*/*")


def test_a_pointer_escapes_what_means_something_in_it() -> None:
    assert pointer("a/b", 0, "c~d") == "/a~1b/0/c~0d"
    assert pointer() == ""


@pytest.mark.parametrize(
    ("active", "org_admin", "scoped", "may"),
    [(True, True, False, True), (False, True, False, False), (True, False, False, False), (True, True, True, False)],
)
def test_who_may_author(active: bool, org_admin: bool, scoped: bool, may: bool) -> None:
    author = Author(
        identity="a", organisation_id="o", permissions=frozenset(), active=active, org_admin=org_admin, scoped=scoped
    )
    assert author.may_author is may


def test_the_tree_of_errors_is_the_one_in_the_docstring() -> None:
    classes = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, FabricError)}
    assert errors.__doc__ is not None
    for name in classes:
        line = next(each for each in errors.__doc__.splitlines() if name in each.split())
        status = [int(word) for word in line.split() if word.isdigit()]
        assert not status or status[0] == vars(errors)[name].status
    assert TooMany("X", "Too many.", retry_after=3).retry_after == 3


def test_a_refused_connection_counts_its_problems() -> None:
    one = Diagnostic(code="X", message="No.")
    assert "1 problem" in str(ConnectionInvalid([one]))
    assert ConnectionInvalid([one, one]).diagnostics == (one, one)

"""Exit codes: every deliberate failure has one, and a bug never shows a bare traceback."""

import subprocess
import sys

import pytest

from api.cli import exits
from api.cli.commands import validate
from api.cli.exits import ExitCode
from api.cli.problems import problem_from
from catalog import errors
from catalog.diagnostics import Diagnostic
from catalog.errors import FabricError
from tests.cli.commanding import Fabric

WANTED = {
    400: 1,
    401: 3,
    403: 3,
    404: 3,
    409: 3,
    412: 3,
    413: 1,
    422: 1,
    429: 3,
    501: 3,
    502: 4,
    503: 4,
    504: 4,
    500: 70,
}


def test_every_kind_of_failure_has_its_exit_code() -> None:
    kinds = [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, FabricError) and each is not errors.ConnectionInvalid
    ]
    assert {each.status for each in kinds} | {422} == set(WANTED)
    for kind in kinds:
        wanted = 1 if kind is errors.GuestFailed else WANTED[kind.status]
        assert exits.of_error(kind("CODE", "Message.")) == wanted
    assert exits.of_error(errors.ConnectionInvalid([Diagnostic(code="X", message="Y.")])) == 1


@pytest.mark.parametrize(("status", "code"), WANTED.items())
def test_what_the_server_answers_ends_like_what_it_means(status: int, code: int) -> None:
    assert exits.of_error(problem_from(status, {}, b'{"code": "X", "detail": "Y."}')) == code
    assert exits.of_error(problem_from(status, {}, b"<html>a proxy</html>")) == code


@pytest.mark.parametrize(
    ("run", "code"),
    [
        ({"state": "succeeded", "error": None}, 0),
        ({"state": "skipped", "error": None}, 0),
        ({"state": "running", "error": None}, 0),
        ({"state": "failed", "error": {"code": "TEMPLATE_MISSING"}}, 1),
        ({"state": "failed", "error": {"code": "WEBHOOK_STATUS"}}, 4),
        ({"state": "failed", "error": {"code": "EGRESS_TIMEOUT"}}, 4),
        ({"state": "dead_letter", "error": None}, 1),
    ],
)
def test_a_run_s_end_is_an_exit_code(run: object, code: int) -> None:
    assert exits.of_run(run) == code


@pytest.mark.parametrize(("state", "code"), [("applied", 0), ("drifted", 3), ("failed", 4), ("unknown", 4)])
def test_a_change_s_end_is_an_exit_code(state: str, code: int) -> None:
    assert exits.of_change({"state": state}) == code


def test_a_wrong_word_is_usage_and_says_what_was_meant(fabric: Fabric) -> None:
    said = fabric("valdate")
    assert said.code == ExitCode.USAGE
    assert "Did you mean 'validate'?" in said.err
    assert fabric("changes", "aply", "x").code == ExitCode.USAGE
    assert fabric("validate", "--jsn", ".").code == ExitCode.USAGE
    assert fabric("validate", "/no/such/file").code == ExitCode.USAGE


def test_a_bug_is_one_line_and_70(fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate, "connection_files", lambda _: 1 / 0)
    said = fabric("validate", ".")
    assert said.code == ExitCode.BUG
    assert "Traceback" not in said.err
    assert "this is a bug (ZeroDivisionError); report it" in said.err
    debugged = fabric("--debug", "validate", ".")
    assert debugged.code == ExitCode.BUG
    assert "Traceback" in debugged.err


def test_a_failure_shows_its_traceback_to_who_asks(fabric: Fabric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_URL", "http://127.0.0.1:1")
    assert "Traceback" not in fabric("runs", "ls").err
    monkeypatch.setenv("FABRIC_DEBUG", "1")
    assert "Traceback" in fabric("runs", "ls").err


HEAVY = ("networkx", "aiohttp", "sanic", "apsw", "structlog", "rich", "cryptography", "uvloop", "engine.engine")


def test_the_command_line_starts_without_what_it_does_not_need() -> None:
    look = f"import sys, api.cli.main; print([each for each in {HEAVY!r} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_validating_needs_no_engine_and_no_network() -> None:
    look = (
        "import sys; sys.argv = ['fabric', 'validate', 'samples/each-item/connection.yaml', '--json']\n"
        "from api.cli.main import run\n"
        "try: run()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print([each for each in ('networkx', 'aiohttp', 'sanic', 'apsw', 'engine.engine') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"

"""`fabric controllers` and `fabric seal` against a real server."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer

from api.cli import controller_values, terminal
from api.cli.controller_values import driver_names
from runtime.drivers import DRIVERS
from runtime.drivers.driver import Check
from runtime.drivers.link import Link
from tests.api.running import Running
from tests.api.test_controllers import staged
from tests.cli.commanding import Fabric
from tests.fakes.drivers import FAKE, Login, Script, fake_driver, known


@pytest.fixture
def script() -> Iterator[Script]:
    """A driver of fakes whose controllers do as the test says."""
    with known(fake_driver(credentials=Login)) as made:
        yield made


@pytest.fixture
def password(tmp_path: Path) -> str:
    """A file with a password."""
    file = tmp_path / "password"
    file.write_text("canary-password\n")
    return f"password=@{file}"


def add(live: Fabric, name: str, password: str) -> None:
    made = live(
        "controllers", "add", name, "--driver", FAKE, "--site", "default",
        "--credential", "username=@-", "--credential", password, stdin="canary-user",
    )  # fmt: skip
    assert made.code == 0, made.err


def test_a_controller_is_added_tried_and_removed(live: Fabric, script: Script, password: str) -> None:
    async def check(link: Link) -> Sequence[Check]:
        assert link.credentials == Login(username="canary-user", password="canary-password")
        return (Check(name="connect", ok=True, detail="version 7"),)

    script.check = check
    add(live, "cli-works", password)
    tried = live("controllers", "test", "cli-works")
    assert tried.code == 0
    assert "ok   connect  version 7" in tried.out
    assert "cli-works works" in tried.out
    assert live("controllers", "test", "cli-works", "--json").json["ok"] is True
    assert live("controllers", "rm", "cli-works", "--yes").code == 0
    assert live("controllers", "test", "cli-works").code != 0


def test_one_that_does_not_work_says_what_to_do_and_exits_with_1(live: Fabric, script: Script, password: str) -> None:
    async def check(_link: Link) -> Sequence[Check]:
        failed = Check(
            name="sign in", ok=False, detail="no \x1b[31m way", code="TARGET_AUTH_FAILED", hint="Set it anew."
        )
        return (Check(name="connect", ok=True), failed)

    script.check = check
    add(live, "cli-fails", password)
    tried = live("controllers", "test", "cli-fails")
    assert tried.code == 1
    assert "FAIL sign in  TARGET_AUTH_FAILED  no \\x1b[31m way" in tried.out
    assert "Set it anew." in tried.out
    assert live("controllers", "test", "cli-fails", "--json").code == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--driver", "fabrickd"], "Did you mean `fabricksd`?"),
        (["--driver", "fabricksd", "--setting", "sokcet=/x"], "Did you mean `socket`?"),
        (["--driver", "local"], "`directory`"),
        (["--driver", "local", "--credential", "password=plain-canary"], "given on the command line"),
        (["--driver", "local", "--credential", "password"], "Nobody can be asked"),
        (["--driver", "local", "--setting", "directory"], "KEY=VALUE"),
    ],
)
def test_what_does_not_fit_is_told_with_what_was_meant(live: Fabric, words: list[str], says: str) -> None:
    refused = live("controllers", "add", "cli-unfit", "--site", "default", *words)
    assert refused.code != 0
    assert says in refused.err
    assert "plain-canary" not in refused.err + refused.out


def test_a_credential_named_alone_is_asked_for_without_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def prompt(text: str, *, hide_input: bool, err: bool) -> str:
        asked.append((text, hide_input, err))
        return "typed"

    monkeypatch.setattr(terminal, "may_ask", lambda: True)
    monkeypatch.setattr(typer, "prompt", prompt)
    assert controller_values.credentials_of(["password"]) == {"password": "typed"}
    assert asked == [("password", True, True)]


def test_drivers_are_listed_and_one_is_told_of_with_a_command_to_begin_with(live: Fabric) -> None:
    listed = live("controllers", "drivers")
    assert listed.code == 0
    assert all(each.name in listed.out for each in DRIVERS)
    assert len(live("controllers", "drivers", "--json").json) == len(DRIVERS)
    local = live("controllers", "drivers", "local").out
    assert "fabric controllers add NAME --driver local --setting directory=…" in local
    assert "(required)" in local
    assert "timeout_seconds" in local
    missing = live("controllers", "drivers", "locla")
    assert "Did you mean `local`?" in missing.err


def test_drivers_are_listed_without_a_server(fabric: Fabric, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FABRIC_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("FABRIC_DATA_DIR", str(tmp_path))
    listed = fabric("controllers", "drivers", "--json")
    assert listed.code == 0, listed.err
    assert [each["name"] for each in listed.json] == [each.name for each in DRIVERS]
    assert "The server at `http://127.0.0.1:1` cannot be reached." in listed.err
    assert (
        "fabric controllers add NAME --driver local --setting directory=…"
        in fabric("controllers", "drivers", "local").out
    )
    missing = fabric("controllers", "drivers", "locla")
    assert missing.code == 3
    assert "Did you mean `local`?" in missing.err


def test_drivers_are_listed_where_the_server_does_not_know_the_asker(
    live: Fabric, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FABRIC_TOKEN", "fab_none")
    assert live("controllers", "ls").code == 3
    listed = live("controllers", "drivers")
    assert listed.code == 0, listed.err
    assert "drivers of this command line" in listed.err


def test_the_names_of_drivers_are_completed() -> None:
    assert driver_names("fab") == ["fabricksd"]
    assert driver_names("") == [each.name for each in DRIVERS]


def test_a_setting_goes_with_unset(live: Fabric, script: Script, password: str) -> None:
    assert script.links == []
    add(live, "cli-unset", password)
    live("controllers", "set", "cli-unset", "--setting", "address=x", "--setting", "timeout_seconds=3")
    changed = live("controllers", "set", "cli-unset", "--unset", "address", "--json")
    assert changed.json["settings"] == {"timeout_seconds": 3}


def test_removing_one_that_changes_wait_for_takes_a_yes(
    live: Fabric, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = server.controller("cli-awaited")
    change = staged(server, target)
    questions = []

    def confirm(question: str, *, err: bool) -> bool:
        questions.append((question, err))
        return len(questions) == 1

    monkeypatch.setattr(terminal, "may_ask", lambda: True)
    monkeypatch.setattr(typer, "confirm", confirm)
    assert live("controllers", "rm", "cli-awaited").code == 0
    assert "1 change wait" in questions[1][0]
    assert server.call("GET", f"/controllers/{target}").status == 200
    assert live("controllers", "rm", "cli-awaited", "--yes").code == 0
    assert server.get(f"/changes/{change}")["state"] == "expired"


def test_the_seals_key_is_rotated(live: Fabric, server: Running) -> None:
    server.call("PUT", "/secrets/cli-rotated", {"value": "x"})
    rotated = live("seal", "rotate")
    assert rotated.code == 0, rotated.err
    assert "secrets" in rotated.out
    assert "the key is fresh, the old one is gone" in rotated.out
    kept = live("seal", "rotate", "--keep-old", "--json").json
    assert kept["keys"] == 2
    assert live("seal", "show", "--json").json["keys"] == 2
    assert "1 old" not in live("seal", "rotate").out

"""`fabric module`: on a daemon's store, and on a folder's; built here, stored there."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.cli import terminal
from api.cli.commands import module
from api.cli.module_view import Shown
from tests.api.daemon.hosted import Hosted, hosted, short_folder
from tests.cli.commanding import Fabric, Said
from tests.fakes.registry import PASSWORD, USER, registry
from tests.runtime.wasm.modules.making import HELLO, INTERPRETER, WASM_BYTES, folder_of
from tests.runtime.wasm.modules.test_building import RUNTIME, SCRIPT, scripted


@pytest.fixture(scope="module")
def daemon() -> Iterator[Hosted]:
    with short_folder() as folder, hosted(folder) as started:
        yield started


@pytest.fixture(params=["daemon", "folder"])
def place(request: pytest.FixtureRequest) -> str:
    """Where modules are kept."""
    return str(request.param)


@pytest.fixture
def typed(
    fabric: Fabric, place: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Fabric:
    """`fabric`, with `--storage` where modules are kept in a folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if place == "daemon":
        daemon: Hosted = request.getfixturevalue("daemon")
        monkeypatch.setenv("FABRICKS_SOCKET", str(daemon.socket))
        for each in daemon.get("/modules")["modules"]:
            daemon.data("DELETE", f"/modules/{each['reference']}")
        return fabric
    return InFolder(fabric, tmp_path / "storage")


class InFolder(Fabric):
    """Adds `--storage` to what is typed."""

    def __init__(self, fabric: Fabric, storage: Path) -> None:
        self.__dict__.update(fabric.__dict__)
        self._storage = storage

    def __call__(self, *words: object, stdin: str = "") -> Said:
        """See Fabric."""
        return super().__call__(*words, "--storage", self._storage, stdin=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that can be built."""
    text = f"{HELLO}command = 'echo compiling; cp in.wasm out/hello.wasm'\n"
    made = folder_of(tmp_path / "hello", text)
    (made / "in.wasm").write_bytes(WASM_BYTES)
    return made


def test_a_module_is_built_listed_shown_tagged_and_removed(typed: Fabric, folder: Path) -> None:
    built = typed("module", "build", folder, "-t", "hello:1", "-t", "hello:dev")
    assert (built.code, built.out) == (0, "")
    assert "$ echo compiling; cp in.wasm out/hello.wasm\n" in built.err
    assert "compiling\n" in built.err
    assert "`hello:1` is built (sha256:" in built.err
    rows = typed("module", "ls", "--json").json
    assert [(each["reference"], each["type"], each["version"]) for each in rows] == [
        ("hello:1", "http", "1.2.3"),
        ("hello:dev", "http", "1.2.3"),
    ]
    table = typed("module", "ls").out.splitlines()
    assert table[0].split() == ["MODULE", "TYPE", "VERSION", "SIZE", "CREATED", "DIGEST", "PROBLEM"]
    assert table[1].startswith("hello:1")
    shown = typed("module", "show", "wasm://hello:1")
    assert shown.code == 0
    assert shown.out.splitlines()[0] == f"module hello:1  {rows[0]['digest']}"
    assert "description: Greets." in shown.out and "- handle" in shown.out and "wasm   " in shown.out
    whole = typed("module", "show", "hello:dev", "--json").json
    assert whole["wasm"]["imports"] == ["env::tell"]
    assert typed("module", "tag", "hello:dev", "hello:stable").code == 0
    removed = typed("module", "rm", "hello:1", "hello:dev", "--yes")
    assert removed.err == "`hello:1` is removed.\n`hello:dev` is removed.\n"
    assert [each["reference"] for each in typed("module", "ls", "--json").json] == ["hello:stable"]
    assert typed("module", "rm", "hello:stable").code == 2, "nobody can be asked"
    typed("module", "rm", "hello", "--yes")
    assert typed("module", "ls").err == "There are no modules; see `fabric module build`.\n"


def test_what_is_not_there_is_answered_with_what_was_meant(typed: Fabric, folder: Path) -> None:
    typed("module", "build", folder, "--no-build")
    missing = typed("module", "show", "helo:1.2.3")
    assert missing.code == 3
    assert missing.err == "fabric: There is no module `helo:1.2.3`. (MODULE_NOT_FOUND)\n  Did you mean `hello:1.2.3`?\n"
    wrong = typed("module", "show", "Hello")
    assert (wrong.code, "INVALID_REQUEST" in wrong.err) == (1, True)


def test_a_failed_build_shows_its_output_and_stores_nothing(typed: Fabric, folder: Path) -> None:
    (folder / "Fabrickfile").write_text(f"{HELLO}command = 'echo no compiler >&2; exit 9'\n")
    failed = typed("module", "build", folder)
    assert failed.code == 1
    assert "no compiler\n" in failed.err
    assert "ended with exit code 9. (BUILD_FAILED)\n  It last said: no compiler\n" in failed.err
    quiet = typed("module", "build", folder, "--json")
    assert (quiet.code, quiet.out) == (1, "")
    assert quiet.err.count("no compiler") == 2, "in the command and in its last words alone"
    assert typed("module", "ls", "--json").json == []


def test_every_wrong_field_is_named(typed: Fabric, tmp_path: Path) -> None:
    (tmp_path / "Fabrickfile").write_text('fabrick_version = "1.0"\n[info]\nname = "X"\n')
    wrong = typed("module", "build", tmp_path)
    assert wrong.code == 1
    for field in ("info.name", "info.version", "build"):
        assert f"`{field}`" in wrong.err
    none = typed("module", "build", tmp_path / "hello")
    assert none.code == 2 or "BUILD_NO_FABRICKFILE" in none.err


def test_files_are_added_as_they_are(typed: Fabric, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "x.wasm").write_bytes(WASM_BYTES)
    made = typed("module", "add", tmp_path / "x.wasm", "-t", "x:1", "--type", "tcp", "--json").json
    assert (made["reference"], made["type"]) == ("x:1", "tcp")
    layout = tmp_path / "layout"
    words = ("module", "build", folder, "--no-build", "--storage", layout, "--json")
    digest = Fabric.__call__(typed, *words).json["digest"]
    assert typed("module", "add", layout, "-t", "laid:1", "--json").json["digest"] == digest
    with tarfile.open(tmp_path / "laid.tar", "w") as tar:
        tar.add(layout, ".", filter=lambda each: None if "lock" in each.name else each)
    assert typed("module", "add", tmp_path / "laid.tar", "-t", "laid:2", "--json").json["digest"] == digest
    (tmp_path / "odd").write_bytes(b"odd")
    odd = typed("module", "add", tmp_path / "odd", "-t", "odd:1")
    assert (odd.code, "MODULE_ARCHIVE" in odd.err) == (1, True)


def test_a_script_is_built_on_the_interpreter_that_the_store_has(typed: Fabric, tmp_path: Path) -> None:
    runtime = folder_of(tmp_path / "runtime", RUNTIME, INTERPRETER + bytes(8))
    (runtime / "out/hello.wasm").write_bytes(INTERPRETER)
    (runtime / "main.py").write_text("loop()")
    folder = scripted(tmp_path / "fares", SCRIPT)
    early = typed("module", "build", folder)
    assert (early.code, "`python-http`" in early.err) == (3, True)
    typed("module", "build", runtime)
    made = typed("module", "build", folder, "--json").json
    assert made["interpreted"]
    shown = typed("module", "show", "fares", "--json").json
    assert [each["part"] for each in shown["layers"]] == ["runtime", "files", "source", "files"]
    assert shown["problem"] is None
    assert typed("module", "build", folder, "-t", "again:1", "--json").json["digest"] == made["digest"]


def test_a_module_goes_to_a_registry_and_back(typed: Fabric, folder: Path, tmp_path: Path) -> None:
    digest = typed("module", "build", folder, "--json").json["digest"]
    (tmp_path / "registry").mkdir()
    (tmp_path / ".fabricks").mkdir()
    with registry(tmp_path / "registry", password=True) as locked:
        name = f"{locked.host}/team/hello:1"
        denied = typed("module", "push", "hello", name, "--insecure")
        assert (denied.code, "REGISTRY_DENIED" in denied.err) == (3, True)
        plain = typed("module", "push", "hello", name)
        assert (plain.code, "REGISTRY_INSECURE" in plain.err) == (4, True)
        login = {"auths": {locked.host: {"username": USER, "password": PASSWORD}}}
        (tmp_path / ".fabricks/credentials.json").write_text(json.dumps(login))
        aliases = f'insecure = ["{locked.host}"]\n[aliases]\nfares = "{name}"\n'
        (tmp_path / ".fabricks/config.toml").write_text(aliases)
        sent = typed("module", "push", "hello", "fares")
        assert sent.code == 0
        assert f"pushed {name}\n" in sent.err
        typed("module", "rm", "hello", "--yes")
        back = typed("module", "pull", "fares", "--json").json
        assert (back["reference"], back["digest"]) == (name, digest)
        assert typed("module", "show", "fares", "--json").json["digest"] == digest
        missing = typed("module", "pull", f"{locked.host}/team/nothing:1")
        assert (missing.code, "MODULE_NOT_FOUND" in missing.err) == (3, True)
        typed("module", "rm", "fares", "--yes")
    gone = typed("module", "pull", "fares")
    assert (gone.code, "REGISTRY_UNREACHABLE" in gone.err) == (4, True)


def test_without_a_daemon_it_says_how_to_start_one_before_it_builds(
    fabric: Fabric, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("FABRICKS_SOCKET", str(tmp_path / "none.sock"))
    refused = fabric("module", "build", folder)
    assert refused.code == 4
    assert "fabricksd start" in refused.err
    assert "compiling" not in refused.err


def test_every_command_has_an_example_that_names_it() -> None:
    for each in module.app.registered_commands:
        assert each.callback is not None and each.callback.__doc__ is not None
        assert f"Example: fabric module {each.name} " in f"{each.callback.__doc__} " or (
            f"Example: fabric module {each.name}\n" in each.callback.__doc__
        )


def test_bars_are_drawn_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Shown(quiet=False) as progress:
        progress.step("one\x1b[2J")
        progress.moved("sha256:" + "a" * 64, 1, 2)
    assert capsys.readouterr().err == "one\\x1b[2J\n"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert terminal.console(stderr=True).file.isatty()
    with Shown(quiet=False) as progress:
        progress.step("two")
        progress.moved("sha256:" + "a" * 64, 1, 2)
    drawn = capsys.readouterr().err
    assert "two" in drawn and "sha256:aaaaaaaaaaaa" in drawn

"""`fabricksd` as the reference prints it: real processes, from start to stop."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from api.daemon.pidfile import running_pid
from api.daemon.socket import answers
from tests.api.daemon.hosted import SocketConnection, short_folder

FABRICKSD = str(Path(sys.executable).with_name("fabricksd"))
SECONDS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path leaves room for a socket's."""
    with short_folder() as made:
        yield made


@pytest.fixture(scope="module")
def running() -> Iterator[Path]:
    """The folder of a daemon in the background that tests look at and leave alone."""
    with short_folder() as made, detached(made):
        yield made


def environment(folder: Path, **given: str) -> dict[str, str]:
    kept = {name: each for name, each in os.environ.items() if not name.startswith(("FABRIC", "ADAPTER_", "NOTIFY_"))}
    own = {
        "HOME": str(folder),
        "FABRIC_DATA_DIR": str(folder / "data"),
        "FABRIC_ARTIFACT_DURABLE_DIR": str(folder / "durable"),
        "FABRIC_PORT": "0",
        "FABRICKS_MONITORING_PROMETHEUS_ENABLED": "false",
    }
    return {**kept, **own, **given}


def typed(folder: Path, *words: str, **given: str) -> "subprocess.CompletedProcess[str]":
    """Type `fabricksd WORDS…` and wait for its end."""
    return subprocess.run(
        [FABRICKSD, *words],
        env=environment(folder, **given),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@contextmanager
def detached(folder: Path, *words: str, **given: str) -> Iterator[int]:
    """A daemon in the background; its process id. It is gone at the end, however the test has ended."""
    done = typed(folder, "start", "--detach", *words, **given)
    assert done.returncode == 0, done.stderr
    pid = int(re.findall(r"PID (\d+)", done.stdout)[0])
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
            time.sleep(0.01)


@contextmanager
def foreground(folder: Path, *words: str, **given: str) -> Iterator["subprocess.Popen[str]"]:
    """A daemon in the foreground that is ready; killed at the end if it still runs."""
    with subprocess.Popen(
        [FABRICKSD, "start", *words],
        env=environment(folder, **given),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("fabricksd: listening on"):
                    break
            else:
                raise AssertionError(process.stderr.read() if process.stderr else "")
            yield process
        finally:
            process.kill()


@pytest.mark.reference("command fabricksd start --detach", "command fabricksd stop", "command fabricksd status")
def test_it_detaches_says_how_it_is_and_stops(folder: Path) -> None:
    with detached(folder) as pid:
        assert os.getsid(pid) == pid, "a session of its own"
        said = typed(folder, "status")
        assert said.returncode == 0, said.stderr
        assert f"PID: {pid}\n" in said.stdout
        done = typed(folder, "stop")
        assert (done.returncode, done.stderr) == (0, "fabricksd is stopped.\n")
        assert running_pid(folder / "data" / "fabricks.pid") is None
        assert not answers(folder / "data" / "fabricks.sock")
    said = typed(folder, "status")
    assert said.returncode == 4
    assert "Is the daemon running?" in said.stderr


STATUS = """fabricksd is running
PID: 12345
Uptime: 2h 15m
Socket: /var/run/fabricks.sock
Services: 8 running, 0 stopped
Memory: 245 MB
CPU: 3.2%
"""


@pytest.mark.reference("status *", "command fabricksd status --verbose")
def test_its_status_has_the_lines_that_are_printed(running: Path) -> None:
    lines = typed(running, "status").stdout.splitlines()
    verbose = typed(running, "status", "--verbose").stdout.splitlines()
    told = json.loads(typed(running, "status", "--json").stdout)
    forms = [
        r"fabricksd is running",
        r"PID: \d+",
        r"Uptime: (\d+[dhms] ?){1,2}",
        rf"Socket: {re.escape(str(running / 'data' / 'fabricks.sock'))}",
        r"Services: 0 running, 0 stopped",
        r"Memory: \d+ MB",
        r"CPU: \d+\.\d%",
    ]
    assert len(lines) == len(forms) == len(STATUS.splitlines())
    for line, form, printed in zip(lines, forms, STATUS.splitlines(), strict=True):
        assert re.fullmatch(form, line), line
        assert line.partition(":")[0] == printed.partition(":")[0]
    assert len(verbose) > len(lines)
    assert verbose[0] == lines[0]
    assert any(line.startswith("Networks: 1") for line in verbose)
    assert told["services"]["running"] == 0


@pytest.mark.reference("command fabricksd start")
def test_in_the_foreground_it_serves_both_halves_until_it_is_told_to_stop(folder: Path) -> None:
    with foreground(folder) as process:
        assert typed(folder, "status").returncode == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not (folder / "data" / "fabricks.sock").exists()


@pytest.mark.reference("command fabricksd start --config *", "setting daemon.socket", "setting daemon.data_dir")
def test_a_configuration_file_says_where_everything_is(folder: Path) -> None:
    file = folder / "daemon.toml"
    file.write_text(f'[daemon]\nsocket = "{folder}/own.sock"\ndata_dir = "{folder}/own"\n')
    with detached(folder, "--config", str(file)):
        told = json.loads(typed(folder, "status", "--config", str(file), "--json").stdout)
        assert told["config"]["socket"] == f"{folder}/own.sock"
        assert told["config"]["data_dir"] == f"{folder}/own"
        assert (folder / "own" / "state.sqlite").exists()


@pytest.mark.reference("command fabricksd start --socket *", "variable FABRICKS_SOCKET", "setting daemon.pid_file")
def test_an_option_and_a_variable_name_the_socket(folder: Path) -> None:
    path = folder / "elsewhere.sock"
    with detached(folder, "--socket", str(path)) as pid:
        assert typed(folder, "status", "--socket", str(path)).returncode == 0
        assert typed(folder, "status", FABRICKS_SOCKET=str(path)).returncode == 0
        assert typed(folder, "status").returncode == 4
        assert running_pid(folder / "elsewhere.pid") == pid


@pytest.mark.reference("command fabricksd stop --timeout *")
def test_it_stops_in_time(folder: Path) -> None:
    with detached(folder):
        began = time.monotonic()
        done = typed(folder, "stop", "--timeout", "30s")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < 25


@pytest.mark.reference("command fabricksd stop --force")
def test_a_daemon_that_answers_no_more_is_killed_by_force_alone(folder: Path) -> None:
    with detached(folder) as pid:
        os.kill(pid, signal.SIGSTOP)
        (folder / "data" / "fabricks.sock").unlink()
        assert typed(folder, "stop").returncode == 4
        assert running_pid(folder / "data" / "fabricks.pid") == pid
        assert typed(folder, "stop", "--force").returncode == 0
        assert running_pid(folder / "data" / "fabricks.pid") is None


def test_a_start_that_fails_in_the_background_says_why(running: Path, folder: Path) -> None:
    second = typed(running, "start", "--detach")
    assert second.returncode == 4
    assert "DAEMON_RUNNING" in second.stderr
    (folder / "bad.toml").write_text("[api]\ntimeout = 'soon'\n")
    third = typed(folder, "start", "--detach", "--config", str(folder / "bad.toml"))
    assert third.returncode == 1
    assert "CONFIG_INVALID" in third.stderr


@pytest.mark.reference(
    "command fabricksd logs",
    "command fabricksd logs --tail *",
    "command fabricksd logs --since *",
    "setting daemon.log_file",
)
def test_its_log_is_shown_by_count_and_time(running: Path) -> None:
    every = typed(running, "logs").stdout.splitlines()
    assert any("services_listening" in line for line in every)
    assert typed(running, "logs", "--tail", "2").stdout.splitlines() == every[-2:]
    stamps = [json.loads(line)["timestamp"] for line in every if line.startswith("{")]
    later = typed(running, "logs", "--since", stamps[-1]).stdout.splitlines()
    assert 0 < len(later) < len(every)
    assert typed(running, "logs", "--since", "2099-01-15T10:00:00Z").stdout == ""
    assert typed(running, "logs", "--since", "soon").returncode == 1


def test_a_daemon_without_a_log_file_says_where_its_log_is(folder: Path) -> None:
    said = typed(folder, "logs")
    assert said.returncode == 3
    assert "journalctl" in said.stderr


@pytest.mark.reference("command fabricksd logs --follow")
def test_its_log_is_followed_into_the_file_that_takes_its_place(folder: Path) -> None:
    log = folder / "data" / "fabricksd.log"
    log.parent.mkdir()
    log.write_text("one\n")
    command = [FABRICKSD, "logs", "--follow"]
    with subprocess.Popen(command, env=environment(folder), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "one\n"
        with log.open("a") as file:
            file.write("two\n")
        assert process.stdout.readline() == "two\n"
        log.rename(folder / "old.log")
        log.write_text("three\n")
        assert process.stdout.readline() == "three\n"
        log.write_text("4\n")
        assert process.stdout.readline() == "4\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


@pytest.mark.reference("setting daemon.log_output", "variable FABRICKS_LOG_LEVEL", "setting daemon.log_level")
@pytest.mark.parametrize("output", ["stdout", "stderr", "file", "syslog"])
def test_the_log_goes_where_it_is_told_to_and_says_no_more_than_it_should(folder: Path, output: str) -> None:
    with foreground(folder, FABRICKS_DAEMON_LOG_OUTPUT=output, FABRICKS_LOG_LEVEL="info") as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    log = folder / "data" / "fabricksd.log"
    where = {"stdout": out, "stderr": err, "file": log.read_text() if log.exists() else ""}
    if output == "syslog" and not Path("/dev/log").exists():
        output = "stderr"
    said = {name for name, text in where.items() if '"event":"stopped"' in text}
    assert said == ({output} if output in where else set())
    with foreground(folder, FABRICKS_DAEMON_LOG_OUTPUT="stderr", FABRICKS_LOG_LEVEL="error") as process:
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[1] == ""


@pytest.mark.reference("command fabricksd reload", "command fabricksd reload --validate")
def test_its_configuration_is_read_again_or_only_looked_at(folder: Path) -> None:
    file = folder / "daemon.toml"
    file.write_text("")
    with detached(folder, "--config", str(file)):
        file.write_text('[daemon]\nlog_level = "debug"\n[resources]\nmax_services = 200\n[api]\ntimeout = "5s"\n')
        changes = [
            "log_level: info -> debug",
            "timeout: 30s -> 5s (restart required)",
            "max_services: 100 -> 200",
        ]
        assert typed(folder, "reload", "--validate").stdout.splitlines() == changes
        assert typed(folder, "reload").stdout.splitlines() == changes
        assert typed(folder, "reload").stdout.splitlines() == changes[1:2]
        file.write_text("[daemon")
        said = typed(folder, "reload")
        assert said.returncode == 1
        assert "CONFIG_INVALID" in said.stderr


def answered(folder: Path, key: str | None) -> int:
    """The status that a request with this key gets."""
    connection = SocketConnection(folder / "data" / "fabricks.sock")
    try:
        connection.request("GET", "/v1/daemon/info", headers={} if key is None else {"X-Fabricks-API-Key": key})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.reference("command fabricksd api-key *", "variable FABRICKS_API_KEY", "heading Authentication")
def test_keys_are_made_listed_used_and_revoked(folder: Path) -> None:
    made = typed(folder, "api-key", "generate", "--label", "ci")
    assert made.returncode == 0, made.stderr
    text, key_id = made.stdout.strip(), re.findall(r"key-[a-z0-9]{6}", made.stderr)[0]
    with detached(folder, FABRICKS_API_AUTH_ENABLED="true", FABRICKS_API_KEY="from-the-environment"):
        assert [answered(folder, each) for each in (None, "wrong", text, "from-the-environment")] == [
            401,
            401,
            200,
            200,
        ]
        assert typed(folder, "status").returncode == 3
        assert typed(folder, "status", FABRICKS_API_KEY=text).returncode == 0
        listed = json.loads(typed(folder, "api-key", "list", "--json").stdout)
        assert [(each["id"], each["label"]) for each in listed] == [(key_id, "ci")]
        assert text not in json.dumps(listed)
        assert typed(folder, "api-key", "revoke", "key-nothing").returncode == 3
        assert typed(folder, "api-key", "revoke", key_id).returncode == 0
        assert answered(folder, text) == 401


@pytest.mark.reference("variable FABRICKS_DATA_DIR")
def test_a_variable_names_the_data_directory(folder: Path) -> None:
    with detached(folder, FABRICKS_DATA_DIR=str(folder / "mine")):
        assert (folder / "mine" / "state.sqlite").exists()


def test_with_one_directory_named_everything_is_in_it(folder: Path) -> None:
    given = environment(folder)
    del given["FABRIC_ARTIFACT_DURABLE_DIR"]
    before = set(folder.iterdir())
    with subprocess.Popen([FABRICKSD, "start"], env=given, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("fabricksd: listening"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert {path.name for path in folder.iterdir()} - {path.name for path in before} == {"data"}


@pytest.mark.reference("unit *")
def test_systemd_is_told_once_both_halves_answer(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(folder / "notify"))
        told.settimeout(SECONDS)
        given = environment(folder, NOTIFY_SOCKET=str(folder / "notify"))
        with subprocess.Popen([FABRICKSD, "start"], env=given, stdout=subprocess.DEVNULL) as process:
            try:
                assert told.recv(100) == b"READY=1"
                assert typed(folder, "status").returncode == 0
                process.send_signal(signal.SIGTERM)
                assert told.recv(100) == b"STOPPING=1"
                assert process.wait(20) == 0
            finally:
                process.kill()


@pytest.mark.reference("command fabricksd --version", "heading Installation")
def test_it_says_its_version(folder: Path) -> None:
    assert re.fullmatch(r"fabricksd \d+\.\d+\.\d+\n", typed(folder, "--version").stdout)


def test_a_user_without_privileges_runs_a_service(folder: Path) -> None:
    nobody = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    command = [*nobody, FABRICKSD, "start", "--port", "0"]
    with subprocess.Popen(command, env=environment(folder), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            next(line for line in process.stdout if line.startswith("fabricksd: listening"))
            capabilities = re.findall(r"CapEff:\s+(\w+)", Path(f"/proc/{process.pid}/status").read_text())
            assert capabilities == ["0" * 16]
            fabric = str(Path(FABRICKSD).with_name("fabric"))
            hello = str(Path(__file__).parents[2] / "samples/services/hello/hello.wasm")
            for words in (
                ("module", "add", hello, "--tag", "hello:1.0.0", "--type", "http"),
                ("service", "run", "hello:1.0.0", "--network", "default", "--wait"),
            ):
                subprocess.run([fabric, *words], env=environment(folder), check=True, timeout=SECONDS)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()

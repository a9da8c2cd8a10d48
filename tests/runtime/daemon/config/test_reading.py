"""Reading the configuration: every key, its sources and their order, and everything that is wrong at once."""

import base64
import re
from pathlib import Path

import pytest

from catalog.errors import Invalid
from runtime.daemon.config import DaemonConfig, places, print_config, read_config
from runtime.daemon.config.differences import value_of
from runtime.daemon.config.environment import variable
from runtime.daemon.config.keys import all_keys, sections

SAMPLE = Path(__file__).parents[4] / "samples/fabricksd/config.toml"
REFERENCE = """
[daemon]
socket = "/var/run/fabricks.sock" # System-wide
pid_file = "/var/run/fabricks.pid"
log_level = "info"
log_output = "stdout"
log_file = "/var/log/fabricksd.log"
data_dir = "/var/lib/fabricksd"
[api]
version = "v1"
auth_enabled = false
timeout = "30s"
max_body_size = "10MB"
[runtime]
default_engine = "wasmtime"
engine_flags = ["--opt-level=2", "--cranelift-opt-level=speed"]
max_parallel_builds = 4
build_cache_dir = "~/.fabricks/cache"
[resources]
max_memory_total = "8Gi"
max_cpu_total = 8.0
default_memory_limit = "512Mi"
default_cpu_limit = 1.0
max_services = 100
max_replicas_per_service = 20
[monitoring]
health_check_interval = "5s"
health_check_timeout = "3s"
metrics_interval = "10s"
metrics_retention = "24h"
prometheus_enabled = true
prometheus_port = 9090
[scaling]
evaluation_interval = "30s"
scale_up_cooldown = "1m"
scale_down_cooldown = "5m"
default_cpu_threshold = 70
cpu_stabilization_window = "2m"
[networking]
default_driver = "bridge"
dns_server = "8.8.8.8"
enable_ipv6 = false
[storage]
default_volume_driver = "local"
volume_base_path = "/var/lib/fabricks/volumes"
volume_encryption = false
[security]
default_user = "fabricks"
enable_seccomp = true
enable_mandatory_access_control = true
deny_network_by_default = false
[policy]
mode = "enforce"
policy_dir = "/etc/fabricksd/policies"
[events]
buffer_size = 1000
retention = "1h"
persist_events = false
"""
"""The reference's file: every key, with the value that is its default."""

KEY = "00" * 31 + "ff"


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SYSTEM_FILE", tmp_path / "etc/config.toml")
    monkeypatch.setattr("os.geteuid", lambda: 0)


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o600)
    return path


def read(path: Path | None, environment: dict[str, str]) -> DaemonConfig:
    config, warnings = read_config(path, environment)
    assert warnings == []
    return config


def refused(path: Path | None, environment: dict[str, str]) -> Invalid:
    with pytest.raises(Invalid) as error:
        read_config(path, environment)
    assert error.value.code == "CONFIG_INVALID"
    return error.value


def test_the_references_file_reads_as_the_defaults(tmp_path: Path, home: dict[str, str]) -> None:
    assert read(written(tmp_path / "c.toml", REFERENCE), home) == read(None, home)
    ours = {"api.api_key", "api.listen"}
    for key in all_keys():
        if key.dotted not in ours:
            assert re.search(rf"(?m)^{key.name} = ", REFERENCE), "no default is untested"
    assert len(re.findall(r"(?m)^\w+ = ", REFERENCE)) == len(all_keys()) - len(ours)


def test_the_sample_file_has_every_key_with_its_default(home: dict[str, str]) -> None:
    config = read(None, home)
    text = SAMPLE.read_text()
    assert text == print_config(config, Path(home["HOME"])), "print it anew: python -m runtime.daemon.config"
    assert read(SAMPLE, home) == config
    for key in all_keys():
        assert re.search(rf"(?m)^(# )?{key.name} = ", text)


def test_sizes_and_durations_are_bytes_and_seconds_inside(home: dict[str, str]) -> None:
    config = read(None, home)
    assert config.api.max_body_size == 10_000_000
    assert config.resources.default_memory_limit == 512 * 1024**2
    assert (config.monitoring.metrics_retention, config.scaling.scale_up_cooldown) == (86400.0, 60.0)
    assert config.runtime.build_cache_dir == Path(home["HOME"]) / ".fabricks/cache"


def test_options_go_before_variables_before_the_file(tmp_path: Path, home: dict[str, str]) -> None:
    file = written(tmp_path / "c.toml", '[daemon]\nsocket = "/file"\nlog_level = "error"\ndata_dir = "~/d"\n')
    environment = home | {"FABRICKS_SOCKET": "/variable", "FABRICKS_LOG_LEVEL": "debug"}
    config, _ = read_config(file, environment, {"daemon.socket": "/option"})
    assert (config.daemon.socket, config.daemon.log_level) == (Path("/option"), "debug")
    assert config.daemon.data_dir == Path(home["HOME"]) / "d"
    assert config.daemon.pid_file == Path("/option.pid")
    assert config.storage.volume_base_path == Path(home["HOME"]) / "d/volumes", "volumes follow the data"


def test_the_short_variables_are_those_of_the_reference(home: dict[str, str]) -> None:
    environment = home | {
        "FABRICKS_SOCKET": "/tmp/fabricks.sock",
        "FABRICKS_LOG_LEVEL": "debug",
        "FABRICKS_DATA_DIR": "~/.fabricks",
        "FABRICKS_API_KEY": "secret-key",
        "FABRICKS_DAEMON_LOG_LEVEL": "trace",
        "FABRICKS_REGISTRY": "localhost:5000",
    }
    config = read(None, environment)
    assert config.daemon.socket == Path("/tmp/fabricks.sock")
    assert config.daemon.log_level == "debug", "the short name goes before the long one"
    assert config.daemon.data_dir == Path(home["HOME"]) / ".fabricks"
    assert config.api.api_key == "secret-key"


def test_every_setting_has_a_variable_that_takes_its_printed_value(home: dict[str, str]) -> None:
    config = read(None, home)
    keys = [each for each in all_keys() if value_of(config, each) is not None]
    environment = {variable(each): each.printed(value_of(config, each)) for each in keys}
    assert read(None, home | environment) == config


def test_files_are_looked_for_in_the_references_order(tmp_path: Path, home: dict[str, str]) -> None:
    assert read(None, home).resources.max_services == 100
    written(Path(home["HOME"]) / ".fabricks/daemon.toml", "[resources]\nmax_services = 2\n")
    assert read(None, home).resources.max_services == 2
    written(tmp_path / "etc/config.toml", "[resources]\nmax_services = 3\n")
    assert read(None, home).resources.max_services == 3
    named = written(tmp_path / "named.toml", "[resources]\nmax_services = 4\n")
    assert read(named, home).resources.max_services == 4


def test_places_are_the_systems_for_root_and_the_users_for_others(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(None, home).daemon.pid_file == Path("/var/run/fabricks.pid")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    own, config = Path(home["HOME"]), read(None, home)
    assert config.daemon.socket == own / ".fabricks/fabricks.sock"
    assert config.daemon.pid_file == own / ".fabricks/fabricks.pid"
    assert config.daemon.data_dir == own / ".local/share/fabricks"
    assert config.storage.volume_base_path == own / ".local/share/fabricks/volumes"


def test_one_directory_can_hold_both_halves_of_the_server(tmp_path: Path, home: dict[str, str]) -> None:
    config = read(None, home | {"FABRIC_DATA_DIR": str(tmp_path / "all")})
    assert config.daemon.socket == tmp_path / "all/fabricks.sock"
    assert config.daemon.data_dir == tmp_path / "all/services"
    for key in all_keys():
        if key.kind == "path":
            assert value_of(config, key).is_relative_to(tmp_path / "all"), key.dotted


def test_unknown_keys_and_sections_are_warned_of_with_the_nearest(tmp_path: Path, home: dict[str, str]) -> None:
    file = written(
        tmp_path / "c.toml", "[resource]\nx = 1\n\n[resources]\nmax_service = 3\nlog_level = 'debug'\nzz = 1\n"
    )
    config, warnings = read_config(file, home | {"FABRICKS_SOKET": "/x", "FABRICKS_QQQQQQQQ": "1"})
    assert warnings == [
        f"`[resource]` ({file}:1) is not a setting. Did you mean `[resources]`?",
        f"`resources.max_service` ({file}:5) is not a setting. Did you mean `max_services`?",
        f"`resources.log_level` ({file}:6) is not a setting. Did you mean `[daemon] log_level`?",
        f"`resources.zz` ({file}:7) is not a setting.",
        "`FABRICKS_QQQQQQQQ` is not a setting.",
        "`FABRICKS_SOKET` is not a setting. Did you mean `FABRICKS_SOCKET`?",
    ]
    assert config == read(None, home)


def test_all_wrong_values_are_named_at_once_with_key_place_and_form(tmp_path: Path, home: dict[str, str]) -> None:
    file = written(
        tmp_path / "c.toml",
        '[api]\ntimeout = "soon"\nauth_enabled = 1\n[policy]\n\nmode = "off"\n[resources]\nmax_services = 0\n'
        '[networking]\ndns_server = "300.1.1.1"\n',
    )
    error = refused(file, home | {"FABRICKS_MONITORING_PROMETHEUS_PORT": "99999"})
    problems = {each["key"]: (each["place"], each["expected"]) for each in error.details["problems"]}
    assert problems == {
        "api.timeout": (
            f"{file}:2",
            "a duration, such as `30s`, `1m30s`, `250ms`, `2h`, `1d` or a number of seconds, more than `0ms`",
        ),
        "api.auth_enabled": (f"{file}:3", "true or false"),
        "policy.mode": (f"{file}:6", "one of `enforce`, `audit`, `disabled`"),
        "resources.max_services": (f"{file}:8", "a whole number, at least `1`"),
        "networking.dns_server": (f"{file}:10", "a text that is an IP address"),
        "monitoring.prometheus_port": (
            "FABRICKS_MONITORING_PROMETHEUS_PORT",
            "a whole number, at least `1` and at most `65535`",
        ),
    }
    for key in problems:
        assert f"`{key}`" in error.message


@pytest.mark.parametrize(
    "line",
    [
        'api.version = "v2"',
        "api.max_body_size = true",
        "api.max_body_size = 10.5e400",
        'api.listen = "9191"',
        "daemon.socket = 3",
        'daemon.socket = ""',
        'daemon.socket = "~nobody-of-that-name/x"',
        'runtime.engine_flags = "a b"\nruntime.max_parallel_builds = 0',
        "runtime.engine_flags = [1]",
        "resources.max_cpu_total = inf",
        "resources.max_cpu_total = nan",
        "resources.max_services = 1.5",
        "events.retention = -1",
        "events = 3",
        "[[events]]",
        "[events",
        "a = 1\na = 2",
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, home: dict[str, str], line: str) -> None:
    assert str(tmp_path) in refused(written(tmp_path / "c.toml", line), home).message


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, home: dict[str, str]) -> None:
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    (tmp_path / "large.toml").write_bytes(b"#" * 2_000_000)
    for name in ("absent.toml", "latin.toml", "large.toml", ""):
        assert str(tmp_path) in refused(tmp_path / name, home).message


def test_the_volume_key_comes_from_its_variable_alone(tmp_path: Path, home: dict[str, str]) -> None:
    assert read(None, home).volume_key is None
    wanted = bytes(31) + b"\xff"
    assert read(None, home | {"FABRICKS_VOLUME_KEY": KEY}).volume_key == wanted
    text = base64.b64encode(wanted).decode()
    assert read(None, home | {"FABRICKS_VOLUME_KEY": text}).volume_key == wanted
    for wrong in ("short", KEY[:-2], "zz" * 32):
        error = refused(None, home | {"FABRICKS_VOLUME_KEY": wrong})
        assert wrong not in error.message
    file = written(tmp_path / "c.toml", f'[storage]\nvolume_key = "{KEY}"\n')
    config, (warning,) = read_config(file, home)
    assert config.volume_key is None
    assert warning.startswith(f"`storage.volume_key` ({file}:2) is not a setting.")


def test_secrets_are_never_shown(tmp_path: Path, home: dict[str, str]) -> None:
    config = read(None, home | {"FABRICKS_API_KEY": "hush-hush", "FABRICKS_VOLUME_KEY": KEY})
    for text in (repr(config), str(config), repr(config.api), print_config(config)):
        assert "hush" not in text
        assert "\\xff" not in text
    file = written(tmp_path / "c.toml", "[api]\napi_key = 17\n")
    assert "17" not in refused(file, home).message


def test_a_key_in_a_file_that_others_can_read_is_warned_of(tmp_path: Path, home: dict[str, str]) -> None:
    file = written(tmp_path / "c.toml", '[api]\napi_key = "x"\n')
    assert read_config(file, home)[1] == []
    file.chmod(0o644)
    (warning,) = read_config(file, home)[1]
    assert "chmod 600" in warning


def test_a_door_without_a_key_is_warned_of(tmp_path: Path, home: dict[str, str]) -> None:
    open_door = home | {"FABRICKS_API_LISTEN": "0.0.0.0:9191"}
    config, (warning,) = read_config(None, open_door)
    assert config.api.listen == "0.0.0.0:9191"
    assert "auth_enabled" in warning
    assert read_config(None, open_door | {"FABRICKS_API_AUTH_ENABLED": "true"})[1] == []


def test_sections_stand_in_the_references_order() -> None:
    assert list(sections()) == re.findall(r"(?m)^\[(\w+)\]", REFERENCE)

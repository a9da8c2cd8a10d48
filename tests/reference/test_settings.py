"""The reference's configuration file: every key is taken as printed, is the default, and puts things where it says."""

import re
import time
import tomllib
from pathlib import Path

import pytest

from runtime.daemon.config import read_config
from runtime.daemon.config.differences import value_of
from runtime.daemon.config.keys import all_keys
from runtime.daemon.config.places import unnamed
from tests.api.daemon.hosted import hosted, short_folder
from tests.reference.samples import HERE, settings, text, variables

PRINTED = HERE / "samples" / "config.toml"
OWN_KEYS = ("api.api_key",)
"""Printed with a value of the reader's own, behind a `#`."""


@pytest.mark.reference("setting *", "heading Configuration")
@pytest.mark.parametrize("name", settings())
def test_a_key_is_taken_as_it_is_printed_and_is_the_default(name: str, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    config, warnings = read_config(PRINTED, environment)
    assert warnings == []
    key = next(each for each in all_keys() if each.dotted == name)
    section, _, field = name.partition(".")
    if name in OWN_KEYS:
        assert value_of(config, key) is None
        line = next(each for each in text("config.toml").splitlines() if f"# {field} = " in each)
        assert key.read(tomllib.loads(line.removeprefix("# "))[field], environment) == "your-secret-key"
        return
    printed = tomllib.loads(text("config.toml"))[section][field]
    assert value_of(config, key) == key.read(printed, environment)
    default, _ = read_config(None, environment)
    expected = unnamed({}, environment, user=0).get(name, value_of(default, key))
    assert value_of(config, key) == expected


@pytest.mark.reference("setting daemon.*", "setting runtime.build_cache_dir", "setting storage.volume_base_path")
def test_the_file_as_printed_puts_everything_where_it_says() -> None:
    with short_folder() as folder:
        file = folder / "config.toml"
        adapted = re.sub(r'"(/var|/etc|~)/', f'"{folder}/', text("config.toml"))
        # 9090 may be another's here; nothing else is changed.
        file.write_text(adapted.replace("prometheus_enabled = true", "prometheus_enabled = false"))
        with hosted(folder, file=file, variables={"FABRIC_DATA_DIR": ""}) as daemon:
            daemon.add_module("hello", "hello:1.0.0")
            volume = daemon.data("POST", "/volumes", {"name": "data", "size": "1Mi"}, status=201)
            daemon.data("POST", "/services", {"name": "api", "image": "hello:1.0.0"}, status=201)
            daemon.settled("api")
            assert daemon.socket == folder / "run" / "fabricks.sock"
            assert (folder / "run" / "fabricks.pid").exists()
            assert (folder / "lib" / "fabricksd" / "state.sqlite").exists()
            assert list((folder / ".fabricks" / "cache").glob("*.cwasm"))
            assert volume["id"] in {each.name for each in (folder / "lib" / "fabricks" / "volumes").iterdir()}


@pytest.mark.reference("setting api.timeout")
def test_a_request_is_not_waited_for_for_ever_and_what_it_asked_for_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    with short_folder() as folder, hosted(folder, api__timeout="300ms") as daemon:
        ended = []

        async def slow(*, dry_run: bool) -> tuple[list[str], list[str]]:
            await asyncio.sleep(2.5)
            ended.append(dry_run)
            return [], []

        monkeypatch.setattr(daemon.daemon, "reload", slow)
        began = time.monotonic()
        error = daemon.error("POST", "/daemon/reload", status=503)
        assert 0.2 < time.monotonic() - began < 2.4
        assert error["code"] == "RESPONSE_TIMEOUT"
        while not ended:
            assert time.monotonic() - began < 10
            time.sleep(0.02)


@pytest.mark.reference("variable *")
@pytest.mark.parametrize("name", variables())
def test_a_variable_as_printed_goes_before_the_file(name: str, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), name: variables()[name]}
    config, warnings = read_config(PRINTED, environment)
    assert warnings == []
    found = {
        "FABRICKS_SOCKET": str(config.daemon.socket),
        "FABRICKS_LOG_LEVEL": config.daemon.log_level,
        "FABRICKS_DATA_DIR": str(config.daemon.data_dir),
        "FABRICKS_API_KEY": config.api.api_key,
    }
    assert found[name] == variables()[name].replace("~", str(tmp_path))

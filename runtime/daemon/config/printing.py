"""Printing a configuration as the file that would give it, every key with its meaning."""

import json
from pathlib import Path
from textwrap import wrap

from catalog.jsonvalue import Json
from runtime.daemon.config.differences import value_of
from runtime.daemon.config.environment import SHORT
from runtime.daemon.config.keys import Key, all_keys, sections
from runtime.daemon.config.settings import DaemonConfig

_HEAD = """\
# Configuration of fabricksd, every key with its default.
#
# Read from /etc/fabricksd/config.toml, else ~/.fabricks/daemon.toml, else the file that --config names.
# Options of the command line go before FABRICKS_* variables, these before this file. Every key has a variable,
# FABRICKS_<SECTION>_<KEY>; some have a shorter one, which is named here. FABRICKS_VOLUME_KEY is a variable only.
# `fabricksd reload` puts keys marked (reload) in force at once; the others want a restart.
"""


def print_config(config: DaemonConfig, home: Path | None = None) -> str:
    """TOML that reads as `config`; paths below `home` begin with `~`. What is secret or has no value is left out."""
    return _HEAD + "".join(_section(config, each, home) for each in sections())


def _section(config: DaemonConfig, section: str, home: Path | None) -> str:
    keys = [each for each in all_keys() if each.section == section]
    lines = "".join(_comment(each) + _assignment(each, value_of(config, each), home) for each in keys)
    return f"\n[{section}]\n{lines}"


def _comment(key: Key) -> str:
    short = next((name for name, dotted in SHORT.items() if dotted == key.dotted), None)
    text = key.description + (" (reload)" if key.hot else "") + (f"; {short}" if short else "")
    return "".join(f"# {line}\n" for line in wrap(text, 110))


def _assignment(key: Key, value: Json, home: Path | None) -> str:
    if value is None or key.secret:
        example = "127.0.0.1:9191" if key.name == "listen" else "your-secret-key"
        return f"# {key.name} = {json.dumps(example)}\n"
    return f"{key.name} = {_toml(key, value, home)}\n"


def _toml(key: Key, value: Json, home: Path | None) -> str:
    if key.kind in ("duration", "size"):
        return json.dumps(key.printed(value))
    if isinstance(value, Path):
        below = home is not None and value.is_relative_to(home)
        value = f"~/{value.relative_to(home)}" if home is not None and below else str(value)
    return json.dumps(value, ensure_ascii=False)

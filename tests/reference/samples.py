"""What the reference prints, as files in samples/: read once, asked for by name."""

import json
import re
import tomllib
from functools import cache
from pathlib import Path

import msgspec

from catalog.jsonvalue import Json

HERE = Path(__file__).parent
SAMPLES = HERE / "samples"
PROGRAMS = SAMPLES / "programs"


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint as printed: `METHOD /path`, its query parameters, the bodies of its request and of its answer."""

    name: str
    query: tuple[str, ...]
    request: Json = None
    response: Json = None

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.name.split()[0]


@cache
def samples() -> dict[str, Sample]:
    """Every endpoint that the reference prints, by name, in its order."""
    found = tomllib.loads((SAMPLES / "endpoints.toml").read_text())["endpoint"]
    return {each["name"]: _sample(each) for each in found}


def _sample(entry: Json) -> Sample:
    def body(kind: str) -> Json:
        path = SAMPLES / f"{entry['sample']}.{kind}.json"
        return json.loads(path.read_text()) if path.exists() else None

    return Sample(name=entry["name"], query=tuple(entry["query"]), request=body("request"), response=body("response"))


def text(name: str) -> str:
    """One file of samples/ as it stands."""
    return (SAMPLES / name).read_text()


@cache
def codes() -> dict[str, int]:
    """Every error code with its HTTP status."""
    return {code: facts["status"] for code, facts in tomllib.loads(text("codes.toml")).items()}


@cache
def metrics() -> tuple[str, ...]:
    """Every metric's name as printed."""
    names = re.findall(r"^(fabricks_\w+)", text("metrics.txt"), re.MULTILINE)
    return tuple(dict.fromkeys(names))


@cache
def settings() -> tuple[str, ...]:
    """Every key of the configuration file as `section.key`, those that are commented out too."""
    found, section = [], ""
    for line in text("config.toml").splitlines():
        if header := re.match(r"\[(\w+)\]", line):
            section = header[1]
        elif key := re.match(r"(?:# )?(\w+) = ", line):
            found.append(f"{section}.{key[1]}")
    return tuple(dict.fromkeys(found))


@cache
def commands() -> tuple[str, ...]:
    """Every command line of `fabricksd` as printed."""
    lines = text("commands.sh").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def variables() -> dict[str, str]:
    """Every environment variable with the value it is printed with."""
    return dict(re.findall(r"^export (\w+)=(.*)$", text("environment.sh"), re.MULTILINE))


@cache
def curls() -> tuple[str, ...]:
    """Every curl command as printed."""
    return tuple(each.strip() for each in text("curl.sh").split("\n\n") if each.strip())


@cache
def printed_events() -> tuple[tuple[str, Json], ...]:
    """The messages of the event stream: type and data."""
    found = re.findall(r"^event: (.+)\ndata: (.+)$", text("events.txt"), re.MULTILINE)
    return tuple((kind, json.loads(data)) for kind, data in found)

"""The Fabrickfile: every field is read, every mistake is named with its place, unknown keys are only warned of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from runtime.forms.workload import HealthCheck, Resources
from runtime.wasm.launch import Abi
from runtime.wasm.modules.fabrickfile import (
    BuildStep,
    Capabilities,
    Fabrickfile,
    FilesystemCapability,
    Import,
    Info,
    ModuleConfig,
    NetworkCapability,
    Origin,
    Runtime,
    Security,
    Source,
    Validation,
    WasmCapability,
)
from runtime.wasm.modules.fabrickfile_forms import is_semver
from runtime.wasm.modules.fabrickfile_reading import read_fabrickfile

WHOLE = """
fabrick_version = "1.0"
[info]
name = "ferry-fares"
version = "0.3.1"
type = "http"
abi = "cgi"
description = "Fares."
author = "Ada"
authors = ["Grace"]
license = "MIT"
homepage = "https://ferry.example"
repository = "https://git.example/fares"
documentation = "http://docs.example/fares"
keywords = ["ferry"]
[from]
source = "python"
version = "3.12"
[source]
path = "./src"
entrypoint = "fares:answer"
include = ["**/*.py"]
exclude = ["**/test_*"]
[runtime]
image = "wasm://python-http:3.12"
handler = "fares:answer"
config = {
  argv = ["python", "-q"],   # over several lines
  utf8 = true,
}
[build]
command = "make wasm"
output = "out/fares.wasm"
workdir = "."
watch = ["src", "../common"]
environment = { PROFILE = "release", LEVEL = 2 }
pre_build = ["true"]
post_build = ["false"]
[exports]
names = ["handle"]
[exports.interface]
"ferry:fares/quote" = { version = "0.3.0" }
[imports]
clock = "wasm://ferry-clock:1.0.0"
tide = { path = "../tide", interface = "ferry:tide/now" }
[capabilities]
env = ["SEATS", "FERRY_*"]
network = { listen = [8081], connect = ["pay.example.net:443", "*.ferry.example:*"], allow_all_outbound = false }
filesystem = { read = ["/etc/fares"], write = ["/var/log/*.log"], read_write = ["/tmp"] }
wasm = { simd = true, threads = true, bulk_memory = true }
[files]
"./tables" = "/etc/fares"
[labels]
tier = "web"
[config]
port = 8081
timeout = 30
log_level = "debug"
environment = { LANG = "C" }
resources = { memory = "96Mi", cpu = 0.25 }
[health_check.http]
path = "/health"
interval = "10s"
[security]
user = "fares"
deny_by_default = false
read_only_root = true
drop_capabilities = ["all"]
[validate]
check_exports = true
check_imports = true
scan_vulnerabilities = true
"""

MINIMAL = '[info]\nname = "a"\nversion = "1.0.0"\n[build]\noutput = "a.wasm"\n'


def read(text: str, *, strict: bool = False) -> Fabrickfile:
    return read_fabrickfile(text.encode(), strict=strict).fabrickfile


def wrong(text: str, *, strict: bool = False) -> dict[str, str]:
    """Place to problem, of a file that is refused."""
    with pytest.raises(Invalid) as caught:
        read(text, strict=strict)
    assert caught.value.code == "INVALID_REQUEST"
    fields: list[Json] = caught.value.details["fields"]
    return {each["field"]: each["problem"] for each in fields}


def test_every_section_and_field_is_read() -> None:
    assert read(WHOLE) == Fabrickfile(
        info=Info(
            name="ferry-fares",
            version="0.3.1",
            type="http",
            abi=Abi.CGI,
            description="Fares.",
            authors=("Ada", "Grace"),
            license="MIT",
            homepage="https://ferry.example",
            repository="https://git.example/fares",
            documentation="http://docs.example/fares",
            keywords=("ferry",),
        ),
        origin=Origin(source="python", version="3.12"),
        source=Source(path="./src", entrypoint="fares:answer", include=("**/*.py",), exclude=("**/test_*",)),
        runtime=Runtime(
            image="python-http:3.12",
            handler="fares:answer",
            argv=("python", "-q"),
            config={"argv": ["python", "-q"], "utf8": True},
        ),
        build=BuildStep(
            command="make wasm",
            output="out/fares.wasm",
            watch=("src", "../common"),
            environment={"PROFILE": "release", "LEVEL": "2"},
            pre_build=("true",),
            post_build=("false",),
        ),
        exports=("handle",),
        export_interfaces={"ferry:fares/quote": "0.3.0"},
        imports={
            "clock": Import(image="ferry-clock:1.0.0"),
            "tide": Import(path="../tide", interface="ferry:tide/now"),
        },
        capabilities=Capabilities(
            env=("SEATS", "FERRY_*"),
            network=NetworkCapability(listen=(8081,), connect=("pay.example.net:443", "*.ferry.example:*")),
            filesystem=FilesystemCapability(read=("/etc/fares",), write=("/var/log/*.log",), read_write=("/tmp",)),
            wasm=WasmCapability(simd=True, threads=True, bulk_memory=True),
        ),
        files={"./tables": "/etc/fares"},
        labels={"tier": "web"},
        config=ModuleConfig(
            port=8081,
            timeout=30.0,
            log_level="debug",
            environment={"LANG": "C"},
            resources=Resources(memory=96 * 1024**2, cpu=0.25),
        ),
        health_check=HealthCheck(type="http", path="/health", interval=10.0),
        security=Security(user="fares", deny_by_default=False, read_only_root=True, drop_capabilities=("all",)),
        validate=Validation(check_exports=True, check_imports=True, scan_vulnerabilities=True),
    )


def test_what_is_not_said_has_its_default_and_grants_nothing() -> None:
    found = read(f'fabrick_version = "1.0"\n{MINIMAL}')
    assert found == Fabrickfile(info=Info(name="a", version="1.0.0"), build=BuildStep(output="a.wasm"))
    assert found.info.type == "command"
    assert found.capabilities == Capabilities()
    assert not found.interpreted


def test_all_mistakes_are_named_at_once_with_their_places() -> None:
    found = wrong(
        """
fabrick_version = "2.0"
[info]
name = "Ferry"
version = "v1.0.0"
type = "udp"
homepage = "ferry.example"
[from]
source = "rust"
image = "wasm://x"
[build]
output = "../x.wasm"
[capabilities]
env = ["9X"]
network = { listen = [0], connect = ["no-port", "x:70000"] }
filesystem = { read = ["etc", "/a/../b"] }
[files]
"../secrets" = "/etc"
"tables" = "etc"
[config]
port = 70000
timeout = "soon"
resources = { memory = "lots" }
"""
    )
    assert set(found) == {
        "fabrick_version",
        "info.name",
        "info.version",
        "info.type",
        "info.homepage",
        "from",
        "build.output",
        "capabilities.env[0]",
        "capabilities.network.listen[0]",
        "capabilities.network.connect[0]",
        "capabilities.network.connect[1]",
        "capabilities.filesystem.read[0]",
        "capabilities.filesystem.read[1]",
        "files",
        "files.tables",
        "config.port",
        "config.timeout",
        "config.resources.memory",
    }
    assert found["from"] == "must have exactly one of `source`, `image`, `path`, not `source` and `image`"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("", "fabrick_version"),
        ('fabrick_version = "1.0"', "info"),
        ('fabrick_version = "1.0"\n[info]\nname = "a"\nversion = "1.0.0"', "build"),
        ('fabrick_version = "1.0"\n[from]\n', "from"),
        ('fabrick_version = "1.0"\n[build]\ncommand = "make"', "build.output"),
        ('fabrick_version = "1.0"\n[source]\npath = "src"', "runtime.image"),
        ('fabrick_version = "1.0"\n[runtime]\nimage = "Not/Good"', "runtime.image"),
        ('fabrick_version = "1.0"\n[runtime]\nconfig = { argv = "python" }', "runtime.config.argv"),
        ('fabrick_version = "1.0"\n[imports]\nx = { interface = "y" }', "imports.x"),
        ('fabrick_version = "1.0"\n[imports]\nx = { image = "a", path = "b" }', "imports.x"),
        ('fabrick_version = "1.0"\n[info]\nabi = "cgi"', "info.abi"),
        ('fabrick_version = "1.0"\n[info]\ntype = "http"\nabi = "tcp"', "info.abi"),
        ('fabrick_version = "1.0"\n[health_check]\nhttp = {path="/"}\ntcp = {port=1}', "health_check"),
        ('fabrick_version = "1.0"\n[exports.interface]\n"x y" = {}', "exports.interface.x y"),
        ('fabrick_version = "1.0"\n[exports.interface]\nx = {version="1"}', "exports.interface.x.version"),
        ('fabrick_version = "1.0"\ninfo = 3', "info"),
    ],
)
def test_rules_between_fields_hold(change: str, place: str) -> None:
    assert place in wrong(change)


def test_an_unknown_key_is_a_warning_with_what_was_meant_and_an_error_when_strict() -> None:
    text = f'fabrick_version = "1.0"\n{MINIMAL}comand = "make"\n[labls]\na = "b"\n'
    found = read_fabrickfile(text.encode())
    assert found.warnings == [
        "`labls` is not a field here: did you mean `labels`.",
        "`build.comand` is not a field here: did you mean `command`.",
    ]
    assert set(wrong(text, strict=True)) == {"labls", "build.comand"}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = ", b"x" * 1_048_577])
def test_what_is_no_text_or_no_toml_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_fabrickfile(content)
    assert caught.value.code == "INVALID_REQUEST"


def test_a_syntax_error_is_placed() -> None:
    with pytest.raises(Invalid) as caught:
        read_fabrickfile(b'fabrick_version = "1.0"\n[info\n')
    assert caught.value.details["line"] == 2


@pytest.mark.parametrize("version", ["0.0.0", "1.0.0-rc.1", "1.0.0+build.7", "1.2.3-a-b.0x+c", "10.20.30"])
def test_semantic_versions_are_known(version: str) -> None:
    assert is_semver(version)


@pytest.mark.parametrize(
    "version", ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", " 1.0.0", ""]
)
def test_other_versions_are_not(version: str) -> None:
    assert not is_semver(version)


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=6,
)


@given(_VALUES, st.sampled_from(["info", "from", "source", "runtime", "build", "exports", "imports", "capabilities",
                                 "files", "labels", "config", "health_check", "security", "validate"]))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_section_it_is_read_or_refused(value: Json, section: str) -> None:
    try:
        read(f'fabrick_version = "1.0"\n{section} = {_toml(value)}\n')
    except Invalid as error:
        assert error.code == "INVALID_REQUEST"


def _toml(value: Json) -> str:
    if value is None:
        return "[]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value)
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08X}" for each in value) + '"'
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    return str(value)

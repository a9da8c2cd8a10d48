"""Registry settings: files and variables, in that order, and nothing secret in a message."""

import base64
import json
from pathlib import Path

import pytest

from catalog.errors import Invalid
from runtime.wasm.modules.registry_settings import Credentials, RegistrySettings, read_registry_settings

CONFIG = """
insecure = ["127.0.0.1:5000"]
[aliases]
fares = "wasm://registry.example/team/ferry-fares:1.0.0"
[mirrors]
"registry.fabricks.io" = ["mirror.example:5000", "other.example"]
"""


def test_nothing_is_needed(tmp_path: Path) -> None:
    assert read_registry_settings(tmp_path / "none", {}) == RegistrySettings()


def test_the_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    logins = {
        "registry.example": {"auth": base64.b64encode(b"ada:pass:word").decode()},
        "https://index.example/v1/": {"username": "grace", "password": "p"},
        "helper.example": {},
        "odd.example": {"auth": "%%%"},
    }
    (tmp_path / "credentials.json").write_text(json.dumps({"auths": logins, "credsStore": "ignored"}))
    found = read_registry_settings(tmp_path, {})
    assert found == RegistrySettings(
        aliases={"fares": "registry.example/team/ferry-fares:1.0.0"},
        mirrors={"registry.fabricks.io": ("mirror.example:5000", "other.example")},
        insecure=("127.0.0.1:5000",),
        credentials={
            "registry.example": Credentials("ada", "pass:word"),
            "index.example": Credentials("grace", "p"),
        },
    )
    assert found.reference("wasm://fares").canonical == "registry.example/team/ferry-fares:1.0.0"


def test_variables_name_a_registry_and_its_login(tmp_path: Path) -> None:
    environment = {
        "FABRICKS_REGISTRY": "own.example:5000",
        "FABRICKS_REGISTRY_USER": "ada",
        "FABRICKS_REGISTRY_PASSWORD": "secret",
    }
    found = read_registry_settings(tmp_path, environment)
    assert found.reference("hello").canonical == "own.example:5000/library/hello:latest"
    assert found.reference("other.example/hello").registry == "other.example"
    assert found.credentials == {"own.example:5000": Credentials("ada", "secret")}
    assert "secret" not in repr(found)
    with pytest.raises(Invalid, match="FABRICKS_REGISTRY"):
        read_registry_settings(tmp_path, {"FABRICKS_REGISTRY": "https://own.example"})


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("config.toml", "insecure = [", "is not TOML"),
        ("config.toml", 'insecure = ["http://x"]\n[mirrors]\na = "b"\n[alises]\n', "3 wrong fields"),
        ("credentials.json", '{"auths": {"x": {"password": 12345}}}', "is not what Docker writes"),
    ],
)
def test_what_is_wrong_is_told_without_what_is_secret(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Invalid, match=says) as caught:
        read_registry_settings(tmp_path, {})
    assert "12345" not in caught.value.message

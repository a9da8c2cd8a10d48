"""`storage.health` and `storage.text_blob`."""

from pathlib import Path

import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.provider import Target
from catalog.schemas import converter
from runtime.providers.storage import STORAGE
from tests.fakes.ports import FakePorts

CONTROLLER = "3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01"


async def run(name: str, params: Json, ports: FakePorts, directory: Json = None) -> Json:
    code = STORAGE.code(f"storage.{name}")
    assert isinstance(code, Read)
    settings = {"directory": directory}
    target = Target(id=CONTROLLER, organisation_id="o", site_id="s", driver="local", settings=settings)
    return await code.handler(converter(code.params)(params), ports.call(f"storage.{name}", target=target))


async def test_health_says_how_much_room_a_folder_has(tmp_path: Path) -> None:
    found = await run("health", {"controller_id": CONTROLLER}, FakePorts(), str(tmp_path))
    assert found.driver == "local"
    assert found.writable
    assert found.capacity_bytes >= found.used_bytes + found.free_bytes > 0
    assert 0 <= found.used_percent <= 100


@pytest.mark.parametrize(
    ("directory", "code"),
    [("/nowhere/at/all", "STORAGE_DIRECTORY"), ("relative", "CONTROLLER_SETTINGS"), (None, "CONTROLLER_SETTINGS")],
)
async def test_health_of_a_folder_that_is_not_there_is_an_error_with_a_hint(directory: Json, code: str) -> None:
    with pytest.raises(FabricError) as failed:
        await run("health", {"controller_id": CONTROLLER}, FakePorts(), directory)
    assert failed.value.code == code
    assert failed.value.hint


@pytest.mark.parametrize(
    ("params", "content", "media_type"),
    [
        ({"content": "hé"}, "hé".encode(), "text/plain"),
        ({"content": ""}, b"", "text/plain"),
        ({"content": {"a": [1, None]}}, b'{"a":[1,null]}', "application/json"),
        ({"content": None}, b"null", "application/json"),
        ({"content": 7, "media_type": "text/plain"}, b"7", "text/plain"),
        ({"content": '{"a":1}', "media_type": "application/json"}, b'{"a":1}', "application/json"),
    ],
)
async def test_text_and_json_become_an_artifact(params: Json, content: bytes, media_type: str) -> None:
    ports = FakePorts()
    given = await run("text_blob", params, ports)
    assert ports.artifacts.held[given.artifact.token] == content
    assert given.artifact.media_type == given.media_type == media_type
    assert (given.size, given.sha256) == (len(content), given.artifact.sha256)


async def test_any_other_media_type_is_refused() -> None:
    with pytest.raises(FabricError) as refused:
        await run("text_blob", {"content": "x", "media_type": "image/jpeg"}, FakePorts())
    assert refused.value.code == "PARAM_ENUM"

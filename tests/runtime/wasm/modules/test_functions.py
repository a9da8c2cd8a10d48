"""`[function]` of a Fabrickfile: what is read, what is refused, and schemas that are files."""

from pathlib import Path

import pytest

from catalog.errors import Invalid
from runtime.wasm.modules.building import build
from runtime.wasm.modules.fabrickfile_reading import read_fabrickfile
from runtime.wasm.modules.function_section import FUNCTIONS_MOST
from runtime.wasm.modules.store import ModuleStore

HEAD = """
fabrick_version = "1.0"
[info]
name = "shop"
version = "1.0.0"
type = "{kind}"
[from]
path = "shop.wasm"
"""
EMPTY = b"\0asm\1\0\0\0"


def text(functions: str, kind: str = "http") -> bytes:
    return (HEAD.format(kind=kind) + functions).encode()


def folder(place: Path, functions: str, **files: str) -> Path:
    made = place / "shop"
    made.mkdir()
    (made / "shop.wasm").write_bytes(EMPTY)
    (made / "Fabrickfile").write_bytes(text(functions))
    for name, content in files.items():
        (made / f"{name}.json").write_text(content)
    return made


@pytest.mark.parametrize(
    ("functions", "wrong"),
    [
        ('[function."two words"]', "function"),
        ("[function.quote]\nprice = 1", None),
        ('[function.quote]\noutput = "../secret.json"', "function.quote.output"),
        ("[function.quote]\ninput = 7", "function.quote.input"),
        ("".join(f"[function.f{number}]\n" for number in range(FUNCTIONS_MOST + 1)), "function"),
    ],
)
def test_what_is_wrong_is_named(functions: str, wrong: str | None) -> None:
    if wrong is None:
        assert "function.quote.price" in read_fabrickfile(text(functions)).warnings[0]
        return
    with pytest.raises(Invalid) as caught:
        read_fabrickfile(text(functions))
    assert [each["field"] for each in caught.value.details["fields"]] == [wrong]


def test_only_a_module_that_answers_requests_has_functions() -> None:
    with pytest.raises(Invalid, match="is for modules of type `http`"):
        read_fabrickfile(text("[function.quote]", kind="command"))


def test_two_functions_with_one_id_are_warned_of() -> None:
    read = read_fabrickfile(text("[function.quote]\n[function.Quote]\n"))
    assert "the same id in the catalog as `function.quote`" in read.warnings[0]
    with pytest.raises(Invalid):
        read_fabrickfile(text("[function.quote]\n[function.Quote]\n"), strict=True)


async def test_schemas_that_are_files_go_along_with_the_module(tmp_path: Path) -> None:
    store = ModuleStore(tmp_path / "storage", tmp_path / "unpacked")
    place = folder(
        tmp_path,
        '[function.quote]\ninput = "in.json"\noutput = { type = "integer" }\n',
        **{"in": '{"maxProperties": 3}'},
    )
    built = await build(place, store)
    (place / "in.json").unlink()
    (function,) = store.read(built.reference).fabrickfile.functions
    assert (function.input, function.output) == ({"maxProperties": 3}, {"type": "integer"})


@pytest.mark.parametrize(
    ("functions", "content", "code", "said"),
    [
        ('[function.quote]\ninput = "none.json"', "", "BUILD_SOURCE", "none.json"),
        ('[function.quote]\ninput = "in.json"', "{", "BUILD_SOURCE", "in.json"),
        ('[function.quote]\ninput = "in.json"', '{"type": "number"}', "SCHEMA_INVALID", "is not an object's"),
        ('[function.quote]\noutput = "in.json"', '{"type": "nonsense"}', "SCHEMA_INVALID", "quote"),
        ('[function.quote]\noutput = { "$ref" = "#/x" }', "", "SCHEMA_INVALID", "quote"),
        ('[function.quote]\noutput = "in.json"', '{"description": "' + "x" * 300_000 + '"}', "BUILD_SOURCE", "over"),
        ('[function.quote]\noutput = "in.json"', '{"description": "' + "x" * 70_000 + '"}', "SCHEMA_INVALID", "over"),
    ],
)
async def test_a_schema_that_we_do_not_take_fails_the_build(
    tmp_path: Path, functions: str, content: str, code: str, said: str
) -> None:
    store = ModuleStore(tmp_path / "storage", tmp_path / "unpacked")
    with pytest.raises(Invalid, match=said) as caught:
        await build(folder(tmp_path, functions, **({"in": content} if content else {})), store)
    assert caught.value.code == code
    assert store.list() == []

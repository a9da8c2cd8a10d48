"""The ABI: by type, by what the module exports, by what its author says."""

from pathlib import Path

import msgspec
import pytest

from runtime.wasm.launch import Abi
from runtime.wasm.modules.abi import detect_abi
from runtime.wasm.modules.module import Module
from runtime.wasm.modules.store import ModuleStore
from tests.runtime.wasm.modules.making import HELLO, gathered, interpreted, plain, tar_of


class Found(msgspec.Struct, frozen=True):
    """What a compiler found out."""

    component: bool = False
    exports: tuple[str, ...] = ("memory", "_start")


REACTOR = Found(exports=("memory", "handle", "fabric_alloc", "fabric_free"))


def module(store: ModuleStore, info: str = 'type = "http"', *, script: bool = False) -> Module:
    config = HELLO.replace('type = "http"', info)
    store.add(interpreted(tar_of(plain("app.py")), config=config) if script else gathered(config=config), "m:1")
    return store.resolve("m:1")


@pytest.mark.parametrize(
    ("info", "found", "script", "abi"),
    [
        ('type = "http"', REACTOR, False, Abi.REACTOR),
        ('type = "http"', Found(), False, Abi.CGI),
        ('type = "http"', Found(exports=("handle", "fabric_alloc")), False, Abi.CGI),
        ('type = "http"', Found(), True, Abi.FRAMED),
        ('type = "http"', Found(component=True), False, Abi.COMPONENT),
        ('type = "http"\nabi = "framed"', Found(), False, Abi.FRAMED),
        ('type = "http"\nabi = "cgi"', REACTOR, False, Abi.CGI),
        ('type = "http"\nabi = "reactor"', Found(), True, Abi.REACTOR),
        ('type = "tcp"', REACTOR, False, Abi.TCP),
        ('type = "command"', REACTOR, False, Abi.COMMAND),
        ('type = "command"', Found(), True, Abi.COMMAND),
    ],
)
def test_the_abi_follows_from_module_and_type(
    store: ModuleStore, info: str, found: Found, script: bool, abi: Abi
) -> None:
    assert detect_abi(module(store, info, script=script), found) is abi


def test_a_services_own_type_goes_before_the_modules(store: ModuleStore) -> None:
    made = module(store, 'type = "http"\nabi = "cgi"')
    assert detect_abi(made, REACTOR, kind="tcp") is Abi.TCP
    assert detect_abi(made, REACTOR, kind="command") is Abi.COMMAND
    assert detect_abi(module(store, 'type = "tcp"'), REACTOR, kind="http") is Abi.REACTOR


def test_without_a_fabrickfile_the_exports_decide(store: ModuleStore, tmp_path: Path) -> None:
    from runtime.wasm.modules.archive import gather_path
    from tests.runtime.wasm.modules.making import WASM_BYTES

    (tmp_path / "x.wasm").write_bytes(WASM_BYTES)
    store.add(gather_path(tmp_path / "x.wasm", "http"), "x:1")
    assert detect_abi(store.resolve("x"), REACTOR) is Abi.REACTOR

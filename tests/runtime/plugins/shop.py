"""Shop: real plugins in a real module store, run by the real zygote; their guests are a few lines of WAT."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from wasmtime import wat2wasm

from catalog.errors import Forbidden
from catalog.events import Event
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.plugins import EnabledPlugin, PluginManifest
from catalog.provider import Answer, Call
from catalog.registry import Registry
from runtime.plugins.host import Bounds, Host
from runtime.plugins.workshop import Workshop
from runtime.wasm.compile import Compiler
from runtime.wasm.host import ZygoteLauncher
from runtime.wasm.messages import encode_answer
from runtime.wasm.modules.building import build
from runtime.wasm.modules.store import ModuleStore
from tests.fakes.ports import FakePorts
from tests.runtime.wasm.modules.making import folder_of

HERE, THERE = "org-1", "org-2"

TOY = """
fabrick_version = "1.0"
[info]
name = "toy"
version = "1.0.0"
type = "http"
[build]
output = "out/toy.wasm"
[plugin]
id = "toy"
permissions = ["use"]
[plugin.operations.count]
title = "Count"
permission = "use"
input = { type = "object", properties = { n = { type = "integer" } }, additionalProperties = false }
output = { type = "object", properties = { n = { type = "integer" } }, required = ["n"] }
[plugin.events.counted]
title = "Something was counted"
payload = { type = "object", properties = { n = { type = "integer" } }, required = ["n"] }
"""


def answering(body: bytes, status: int = 200) -> bytes:
    """A reactor that answers whatever it is asked with this body."""
    message = encode_answer(status, [], body)
    data = "".join(f"\\{byte:02x}" for byte in message)
    pages = 2 + (len(message) >> 16)
    return bytes(
        wat2wasm(
            f'(module (memory (export "memory") {pages + 8}) (data (i32.const 1024) "{data}")'
            f' (func (export "fabric_alloc") (param i32) (result i32) (i32.const {(pages + 1) << 16}))'
            ' (func (export "fabric_free") (param i32 i32))'
            ' (func (export "handle") (param i32 i32) (result i64)'
            f" (i64.const {1024 << 32 | len(message)})))"
        )
    )


def saying(output: Json, *events: Json) -> bytes:
    """A reactor that gives this output and these events."""
    return answering(json.dumps({"output": output, **({"events": list(events)} if events else {})}).encode())


class NoHttp:
    """The world, which answers every request with what was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, purpose: str, method: str, url: str, *_: object, **__: object) -> Answer:
        """See Http."""
        if purpose != "guest":
            raise Forbidden("FORBIDDEN", "A plugin's request has another purpose.")
        self.asked.append(f"{method} {url}")
        return Answer(status=200, headers={}, body=b"from outside")

    async def pin(self, host: str, port: int) -> tuple[str, ...]:
        """See Http."""
        raise Forbidden("FORBIDDEN", f"A plugin asks for {host}:{port} in another way than HTTP.")


class Shop:
    """A host with its workshop. `events` is what it published."""

    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.folder = folder
        self.http = NoHttp()
        self.store = ModuleStore(folder / "storage", folder / "unpacked")
        self.launcher = ZygoteLauncher()
        self.host = Host(bounds=bounds)
        self.host.open(
            Workshop(modules=self.store, compiler=Compiler(folder / "code"), launcher=self.launcher, http=self.http)
        )
        self.host.publish = self._publish
        self.registry = Registry((), plugins=self.host.providers)
        self.events: list[Event] = []
        self.enabled: dict[str, EnabledPlugin] = {}
        self._number = 0

    async def _publish(self, event: Event) -> None:
        self.events.append(event)

    async def store_module(self, wasm: bytes, fabrickfile: str = TOY, **files: str) -> str:
        """Put a module into the store; its digest."""
        self._number += 1
        folder = folder_of(self.folder / f"source-{self._number}", fabrickfile, wasm, "out/toy.wasm")
        for name, content in files.items():
            (folder / f"{name}.json").write_text(content)
        return (await build(folder, self.store, tag=f"toy-{self._number}:1.0.0", run_build=False)).digest

    async def enable(
        self,
        wasm: bytes,
        fabrickfile: str = TOY,
        *,
        hosts: tuple[str, ...] = (),
        organisations: tuple[str, ...] = (HERE,),
    ) -> PluginManifest:
        """Store, read, prepare and enable a plugin."""
        manifest = await self.host.read(await self.store_module(wasm, fabrickfile))
        await self.host.prepare(manifest)
        self.enable_manifest(manifest, hosts=hosts, organisations=organisations)
        return manifest

    def enable_manifest(
        self, manifest: PluginManifest, *, hosts: tuple[str, ...] = (), organisations: tuple[str, ...] = (HERE,)
    ) -> None:
        """Enable what was read and prepared."""
        granted = dict.fromkeys(organisations, frozenset(hosts))
        self.enabled[manifest.id] = EnabledPlugin(manifest=manifest, granted=granted)
        self.show()

    def show(self) -> None:
        """Tell host and catalog what is enabled."""
        self.host.hold(self.enabled.values())
        self.registry.refresh()

    async def call(
        self, operation_id: str, params: Json = None, *, organisation: str = HERE, delivery: str = "run.0"
    ) -> Json:
        """Call an operation as the Negotiator does."""
        code = self.registry.get_code(operation_id)
        assert isinstance(code, Read)
        call: Call = FakePorts().call(operation_id)
        call = msgspec.structs.replace(call, organisation_id=organisation, delivery_id=delivery, deadline=float("inf"))
        return await code.handler(params or {}, call)


@asynccontextmanager
async def shop(folder: Path, **bounds: float) -> AsyncIterator[Shop]:
    """A shop, and its end."""
    made = Shop(folder, msgspec.convert(bounds, Bounds))
    try:
        yield made
    finally:
        await made.host.close()
        await made.launcher.close()

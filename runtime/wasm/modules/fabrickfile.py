"""Fabrickfile: a module as its author describes it. Durations are seconds, sizes bytes."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from catalog.jsonvalue import Json
from runtime.forms.workload import HealthCheck, ModuleType, Resources
from runtime.wasm.launch import Abi
from runtime.wasm.modules.function_section import Function
from runtime.wasm.modules.plugin_section import PluginSection

FILE_NAME = "Fabrickfile"
FABRICK_VERSION = "1.0"

Language = Literal["rust", "go", "javascript", "python", "csharp"]
FORCED_ABIS = (Abi.REACTOR, Abi.FRAMED, Abi.CGI, Abi.COMPONENT)
"""What `[info] abi` may say; the other two follow from the type."""


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """`[info]`. `abi` is this project's own: how the guest is spoken to, where that cannot be seen from its exports."""

    name: str
    version: str
    type: ModuleType = "command"
    abi: Abi | None = None
    description: str = ""
    authors: tuple[str, ...] = ()
    license: str | None = None
    homepage: str | None = None
    repository: str | None = None
    documentation: str | None = None
    keywords: tuple[str, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """`[from]`: exactly one of a language, another module, a path to a `.wasm` file."""

    source: Language | None = None
    version: str | None = None
    image: str | None = None
    path: str | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`[source]`: what an interpreter runs. `entrypoint` is `module:function` or `file.js:export`."""

    path: str
    entrypoint: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Runtime(msgspec.Struct, frozen=True, kw_only=True):
    """`[runtime]`: the interpreter. `argv`, from `config.argv`, is how an interpreter wants to be called."""

    image: str | None = None
    handler: str | None = None
    argv: tuple[str, ...] = ()
    config: Mapping[str, Json] = {}


class BuildStep(msgspec.Struct, frozen=True, kw_only=True):
    """`[build]`: how `output` comes about. `watch` is noted for tools that watch."""

    command: str | None = None
    output: str
    workdir: str = "."
    watch: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    pre_build: tuple[str, ...] = ()
    post_build: tuple[str, ...] = ()


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One of `[imports]`: another module, by image or path, and the interface that is wanted of it."""

    image: str | None = None
    path: str | None = None
    interface: str | None = None


class NetworkCapability(msgspec.Struct, frozen=True, kw_only=True):
    """Ports a module may listen on, `host:port`s it may call. A host may begin with `*.`, a port may be `*`."""

    listen: tuple[int, ...] = ()
    connect: tuple[str, ...] = ()
    allow_all_outbound: bool = False


class FilesystemCapability(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute guest paths, globs allowed."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    read_write: tuple[str, ...] = ()


class WasmCapability(msgspec.Struct, frozen=True, kw_only=True):
    """Proposals a module needs."""

    simd: bool = False
    threads: bool = False
    bulk_memory: bool = False


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """`[capabilities]`: what is not named here a module may not. `env` holds names; one may end in `*`."""

    env: tuple[str, ...] = ()
    network: NetworkCapability = NetworkCapability()
    filesystem: FilesystemCapability = FilesystemCapability()
    wasm: WasmCapability = WasmCapability()


class ModuleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`[config]`: defaults of a service that runs the module. `timeout` bounds one request, in seconds."""

    port: int | None = None
    timeout: float | None = None
    log_level: str | None = None
    environment: Mapping[str, str] = {}
    resources: Resources = Resources()


class Security(msgspec.Struct, frozen=True, kw_only=True):
    """`[security]`."""

    user: str | None = None
    deny_by_default: bool = True
    read_only_root: bool = False
    drop_capabilities: tuple[str, ...] = ()


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """`[validate]`."""

    check_exports: bool = False
    check_imports: bool = False
    scan_vulnerabilities: bool = False


class Fabrickfile(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. `files` maps a path beside the Fabrickfile to an absolute guest path."""

    info: Info
    origin: Origin | None = None
    source: Source | None = None
    runtime: Runtime | None = None
    build: BuildStep | None = None
    exports: tuple[str, ...] = ()
    export_interfaces: Mapping[str, str | None] = {}
    """Interface to its version."""
    imports: Mapping[str, Import] = {}
    capabilities: Capabilities = Capabilities()
    files: Mapping[str, str] = {}
    labels: Mapping[str, str] = {}
    config: ModuleConfig = ModuleConfig()
    health_check: HealthCheck | None = None
    security: Security = Security()
    validate: Validation = Validation()
    functions: tuple[Function, ...] = ()
    plugin: PluginSection | None = None

    @property
    def interpreted(self) -> bool:
        """Is it source for an interpreter, rather than a module of its own?"""
        return self.source is not None

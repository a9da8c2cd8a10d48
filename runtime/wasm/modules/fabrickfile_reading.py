"""Reading a Fabrickfile: TOML to a record, every problem with its place at once, unknown keys as warnings."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from catalog.errors import Invalid
from runtime.forms.fields import Fields, Problems, shown
from runtime.forms.guest_paths import good_guest_path
from runtime.forms.toml_text import read_toml
from runtime.forms.workload import ModuleType
from runtime.forms.workload_reading import read_health_check, read_resources
from runtime.wasm.launch import Abi
from runtime.wasm.modules import fabrickfile as records
from runtime.wasm.modules import fabrickfile_forms as forms
from runtime.wasm.modules.fabrickfile import FABRICK_VERSION, FORCED_ABIS, Fabrickfile
from runtime.wasm.modules.function_section import read_functions
from runtime.wasm.modules.plugin_section import read_plugin
from runtime.wasm.modules.references import FORM

FILE_MOST = 1024 * 1024
"""Bytes of a Fabrickfile."""
LEVELS = ("trace", "debug", "info", "warn", "error")

_SECTIONS = (
    "fabrick_version", "info", "from", "source", "runtime", "build", "exports", "imports", "capabilities", "files",
    "labels", "config", "health_check", "security", "validate", "function", "plugin",
)  # fmt: skip
_VERSION_FORM = "a semantic version such as `1.0.0`"
_IMAGE_FORM = "a module's reference such as `wasm://ferry-fares:1.0.0`"
_INSIDE_FORM = "a path forms.inside the Fabrickfile's folder, without `..`"


class FabrickfileRead(msgspec.Struct, frozen=True):
    """A Fabrickfile and what is odd about it."""

    fabrickfile: Fabrickfile
    warnings: list[str]


class _Gathered(Problems):
    """Problems as they are; an unknown key is only a warning, unless `strict`."""

    def __init__(self, *, strict: bool) -> None:
        super().__init__()
        self.warnings: list[str] = []
        self._strict = strict

    def unknown(self, where: str, problem: str) -> None:
        if self._strict:
            self.add(where, problem)
        else:
            self.warnings.append(f"`{where}` {problem}.")


def read_fabrickfile(content: bytes, *, strict: bool = False) -> FabrickfileRead:
    """Read one. Raises Invalid INVALID_REQUEST: no UTF-8, no TOML (with line and column), or every wrong field."""
    if len(content) > FILE_MOST:
        raise Invalid("INVALID_REQUEST", f"The Fabrickfile has over {FILE_MOST} bytes.", hint="Write less.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("INVALID_REQUEST", "The Fabrickfile is not UTF-8.", hint="Save it as UTF-8.") from None
    problems = _Gathered(strict=strict)
    fields = Fields(read_toml(text, name="The Fabrickfile"), "", problems, _SECTIONS)
    found = _read(fields)
    problems.check("Fabrickfile")
    return FabrickfileRead(found, problems.warnings)


def _read(fields: Fields) -> Fabrickfile:
    fields.need("fabrick_version", f'"{FABRICK_VERSION}"')
    fields.choice("fabrick_version", (FABRICK_VERSION,))
    fields.need("info", "a table with `name` and `version`")
    names, interfaces = _exports(fields)
    found = Fabrickfile(
        info=_info(fields),
        origin=_origin(fields),
        source=_source(fields),
        runtime=_runtime(fields),
        build=_build(fields),
        exports=names,
        export_interfaces=interfaces,
        imports=_imports(fields),
        capabilities=_capabilities(fields),
        files=_files(fields),
        labels=fields.table("labels", bool, "a text that is not empty"),
        config=_config(fields),
        health_check=read_health_check(fields),
        security=_security(fields),
        validate=_validate(fields),
        functions=read_functions(fields),
        plugin=read_plugin(fields),
    )
    _check_together(fields, found)
    return found


def _check_together(fields: Fields, found: Fabrickfile) -> None:
    if found.source is not None and (found.runtime is None or found.runtime.image is None):
        fields.problems.add("runtime.image", "is missing: `[source]` needs the interpreter that runs it")
    if found.info.abi is not None and found.info.type != "http":
        fields.problems.add("info.abi", f"is for modules of type `http`; this one is `{found.info.type}`")
    if found.functions and found.info.type != "http":
        fields.problems.add("function", f"is for modules of type `http`; this one is `{found.info.type}`")
    given = found.origin is not None and (found.origin.image or found.origin.path)
    if not (given or found.source or found.build):
        fields.problems.add("build", "is missing: nothing says where the module comes from")


def section(fields: Fields, name: str, names: Sequence[str]) -> Fields:
    """The table `name`; an empty one where it is not there."""
    value = fields.raw(name)
    return Fields({} if value is None else value, fields.place(name), fields.problems, names)


def _info(fields: Fields) -> records.Info:
    info = section(fields, "info", (*records.Info.__struct_fields__, "author"))
    if fields.has("info"):
        info.need("name", "a name such as `ferry-fares`")
        info.need("version", _VERSION_FORM)
    abi = info.choice("abi", FORCED_ABIS)
    author = info.text("author")
    return records.Info(
        name=info.name("name") or "",
        version=info.take("version", forms.semver, _VERSION_FORM) or "",
        type=cast(ModuleType, info.choice("type", ("command", "http", "tcp")) or "command"),
        abi=None if abi is None else Abi(abi),
        description=info.text("description") or "",
        authors=(*((author,) if author else ()), *info.texts("authors")),
        license=info.text("license"),
        homepage=info.take("homepage", forms.url, "an http or https URL"),
        repository=info.take("repository", forms.url, "an http or https URL"),
        documentation=info.take("documentation", forms.url, "an http or https URL"),
        keywords=info.texts("keywords"),
    )


def _origin(fields: Fields) -> records.Origin | None:
    if not fields.has("from"):
        return None
    origin = section(fields, "from", records.Origin.__struct_fields__)
    _exactly_one(origin, ("source", "image", "path"))
    return records.Origin(
        source=cast(records.Language | None, origin.choice("source", ("rust", "go", "javascript", "python", "csharp"))),
        version=origin.text("version"),
        image=_image(origin, "image"),
        path=origin.take("path", forms.inside, _INSIDE_FORM),
    )


def _source(fields: Fields) -> records.Source | None:
    if not fields.has("source"):
        return None
    source = section(fields, "source", records.Source.__struct_fields__)
    source.need("path", _INSIDE_FORM)
    return records.Source(
        path=source.take("path", forms.inside, _INSIDE_FORM) or "",
        entrypoint=source.text("entrypoint", "`module:function` or `file.js:export`"),
        include=source.each("include", forms.inside, "a glob such as `**/*.py`, without `..`"),
        exclude=source.each("exclude", forms.inside, "a glob such as `**/test_*`, without `..`"),
    )


def _runtime(fields: Fields) -> records.Runtime | None:
    if not fields.has("runtime"):
        return None
    runtime = section(fields, "runtime", ("image", "handler", "config"))
    config = runtime.take("config", lambda each: each if isinstance(each, Mapping) else None, "a table") or {}
    argv = config.get("argv", [])
    if not (isinstance(argv, list) and all(isinstance(each, str) for each in argv)):
        fields.problems.add("runtime.config.argv", "must be a list of texts")
        argv = []
    return records.Runtime(
        image=_image(runtime, "image"), handler=runtime.text("handler"), argv=tuple(argv), config=dict(config)
    )


def _build(fields: Fields) -> records.BuildStep | None:
    if not fields.has("build"):
        return None
    build = section(fields, "build", records.BuildStep.__struct_fields__)
    build.need("output", _INSIDE_FORM)
    return records.BuildStep(
        command=build.text("command"),
        output=build.take("output", forms.inside, _INSIDE_FORM) or "",
        workdir=build.take("workdir", forms.inside, _INSIDE_FORM) or ".",
        watch=build.texts("watch"),
        environment=build.table("environment", lambda key: bool(key) and "=" not in key, "a variable's name"),
        pre_build=build.texts("pre_build"),
        post_build=build.texts("post_build"),
    )


def _exports(fields: Fields) -> tuple[tuple[str, ...], dict[str, str | None]]:
    exports = section(fields, "exports", ("names", "interface"))
    interfaces: dict[str, str | None] = {}
    value = exports.raw("interface") or {}
    if not isinstance(value, Mapping):
        exports.wrong("interface", 'a table such as `"ferry:fares/quote" = { version = "0.3.0" }`')
        value = {}
    for name, details in value.items():
        where = f"{exports.place('interface')}.{name}"
        if not forms.is_interface(name):
            exports.problems.add(where, "is not the name of an interface such as `ferry:fares/quote`")
        inner = Fields(details, where, exports.problems, ("version",))
        interfaces[name] = inner.take("version", forms.semver, _VERSION_FORM)
    return exports.texts("names"), interfaces


def _imports(fields: Fields) -> dict[str, records.Import]:
    value = fields.raw("imports") or {}
    if not isinstance(value, Mapping):
        fields.wrong("imports", "a table of modules")
        return {}
    found = {}
    for name, details in value.items():
        document = {"image": details} if isinstance(details, str) else details
        entry = Fields(document, f"imports.{name}", fields.problems, records.Import.__struct_fields__)
        _exactly_one(entry, ("image", "path"))
        found[name] = records.Import(
            image=_image(entry, "image"),
            path=entry.text("path"),
            interface=entry.text("interface"),
        )
    return found


def _capabilities(fields: Fields) -> records.Capabilities:
    found = section(fields, "capabilities", records.Capabilities.__struct_fields__)
    network = section(found, "network", records.NetworkCapability.__struct_fields__)
    files = section(found, "filesystem", records.FilesystemCapability.__struct_fields__)
    wasm = section(found, "wasm", records.WasmCapability.__struct_fields__)
    path = "an absolute guest path without `..`, such as `/etc/fares` or `/data/*.csv`"
    return records.Capabilities(
        env=found.each("env", forms.variable, "a variable's name"),
        network=records.NetworkCapability(
            listen=network.each("listen", forms.port, "a port from 1 to 65535"),
            connect=network.each("connect", forms.address, "`host:port`, such as `pay.example.net:443`"),
            allow_all_outbound=network.flag("allow_all_outbound"),
        ),
        filesystem=records.FilesystemCapability(
            read=files.each("read", forms.guest_path, path),
            write=files.each("write", forms.guest_path, path),
            read_write=files.each("read_write", forms.guest_path, path),
        ),
        wasm=records.WasmCapability(
            simd=wasm.flag("simd"), threads=wasm.flag("threads"), bulk_memory=wasm.flag("bulk_memory")
        ),
    )


def _files(fields: Fields) -> dict[str, str]:
    found = fields.table("files", lambda key: forms.inside(key) is not None, _INSIDE_FORM)
    for source, target in found.items():
        if not good_guest_path(target):
            fields.problems.add(f"files.{source}", f"must be an absolute guest path, not {shown(target)}")
    return found


def _config(fields: Fields) -> records.ModuleConfig:
    config = section(fields, "config", records.ModuleConfig.__struct_fields__)
    return records.ModuleConfig(
        port=config.whole("port", 1, 65535),
        timeout=config.duration("timeout"),
        log_level=config.choice("log_level", LEVELS),
        environment=config.table("environment", lambda key: bool(key) and "=" not in key, "a variable's name"),
        resources=read_resources(config),
    )


def _security(fields: Fields) -> records.Security:
    security = section(fields, "security", records.Security.__struct_fields__)
    return records.Security(
        user=security.text("user"),
        deny_by_default=security.flag("deny_by_default", default=True),
        read_only_root=security.flag("read_only_root"),
        drop_capabilities=security.texts("drop_capabilities"),
    )


def _validate(fields: Fields) -> records.Validation:
    validate = section(fields, "validate", records.Validation.__struct_fields__)
    return records.Validation(
        check_exports=validate.flag("check_exports"),
        check_imports=validate.flag("check_imports"),
        scan_vulnerabilities=validate.flag("scan_vulnerabilities"),
    )


def _image(fields: Fields, name: str) -> str | None:
    return fields.take(name, forms.reference, f"{_IMAGE_FORM}. {FORM.removesuffix('.')}")


def _exactly_one(fields: Fields, names: Sequence[str]) -> None:
    given = [name for name in names if fields.has(name)]
    if len(given) != 1:
        wanted = ", ".join(f"`{name}`" for name in names)
        got = " and ".join(f"`{name}`" for name in given) if given else "none"
        fields.problems.add(fields.place("").removesuffix("."), f"must have exactly one of {wanted}, not {got}")

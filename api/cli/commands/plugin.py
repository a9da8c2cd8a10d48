"""`fabric plugin`: outsiders' operations and events, in a sandbox."""

import re
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.module import Storage, modules_at
from api.cli.files import read_bytes, write_bytes
from api.cli.names import suggesting
from api.cli.server import Server, segment
from catalog.errors import Invalid, NotFound
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Outsiders' operations and events, in a sandbox.")

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")

Plugin = Annotated[str, typer.Argument(help="The plugin's id.")]
COLUMNS: list[terminal.Column] = [
    ("ID", lambda each: each["id"]),
    ("VERSION", lambda each: each["version"]),
    ("STATE", lambda each: "failed" if each.get("problem") else "enabled" if each["enabled"] else "disabled"),
    ("OPERATIONS", lambda each: len(each["operations"])),
    ("EVENTS", lambda each: len(each["events"])),
    ("HOSTS", lambda each: f"{len(each['hosts'])} of {len(each['asks_for'])}"),
    ("MODULE", lambda each: each["reference"]),
]


@app.command("ls")
def list_plugins(json: terminal.AsJson = False) -> None:
    """List plugins.

    Example: fabric plugin ls
    """
    rows = Server.configured().pages("plugins", 10_000)
    terminal.show_rows(rows, COLUMNS, as_json=json, empty="There are no plugins.")


@app.command("add")
def add(
    reference: Annotated[str, typer.Argument(help="Its module: `fabric module build` or `pull` puts it there.")],
    signature: Annotated[
        Path | None, typer.Option("--signature", help="As `fabric plugin sign` or `cosign` wrote it.", dir_okay=False)
    ] = None,
    payload: Annotated[
        Path | None, typer.Option("--payload", help="What cosign signed: its `--output-payload`.", dir_okay=False)
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Add a plugin; `enable` shows it in the catalog.

    Example: fabric plugin add acme-meter:1.0.0
    """
    body: Json = {"reference": reference}
    if signature is not None:
        body["signature"] = _signature(read_bytes(signature), payload)
    made = Server.configured().post("plugins", body)
    terminal.done(f"`{made['id']}` is added; `fabric plugin enable {made['id']}` shows it.", made, as_json=json)


@app.command("show")
def show(plugin: Plugin, json: terminal.AsJson = False) -> None:
    """Show a plugin: what it brings, what it asks for, what it was granted, the end of its log.

    Example: fabric plugin show acme-meter
    """
    found = _find(Server.configured(), plugin)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_fields(found)


@app.command("grant")
def grant(
    plugin: Plugin,
    hosts: Annotated[
        list[str] | None, typer.Argument(help="HOST:PORT, of those it asks for; none takes all back.")
    ] = None,
    json: terminal.AsJson = False,
) -> None:
    """Let a plugin ask these hosts, and no others.

    Example: fabric plugin grant acme-meter api.acme.example:443
    """
    made = _send("PUT", plugin, "/grant", {"hosts": hosts or []})
    granted = ", ".join(made["hosts"]) or "nothing"
    terminal.done(f"`{made['id']}` may ask {granted}.", made, as_json=json)


@app.command("enable")
def enable(plugin: Plugin, json: terminal.AsJson = False) -> None:
    """Show a plugin in the catalog, and let it be called.

    Example: fabric plugin enable acme-meter
    """
    made = _send("POST", plugin, "/enable")
    terminal.done(f"`{made['id']}` is enabled.", made, as_json=json)


@app.command("disable")
def disable(plugin: Plugin, json: terminal.AsJson = False) -> None:
    """Take a plugin out of the catalog, and say which Connections that breaks.

    Example: fabric plugin disable acme-meter
    """
    made = _send("POST", plugin, "/disable")
    if not json:
        for each in made["broken"]:
            terminal.note(f"Connection `{each['name']}` is broken now: {', '.join(each['codes'])}.")
    terminal.done(f"`{made['plugin']['id']}` is disabled.", made, as_json=json)


@app.command("rm")
def remove(plugin: Plugin, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Forget a plugin that is not enabled. Its module stays.

    Example: fabric plugin rm acme-meter --yes
    """
    server = Server.configured()
    found = _find(server, plugin)
    if terminal.confirmed(f"Remove `{found['id']}`?", yes=yes):
        server.send("DELETE", f"plugins/{segment(found['id'])}")
        terminal.done(f"`{found['id']}` is removed.", {"deleted": found["id"]}, as_json=json)


@app.command("sign")
def sign(
    module: Annotated[str, typer.Argument(help="Its module: a name, the folder it was built from, or a digest.")],
    key: Annotated[Path, typer.Option("--key", help="An Ed25519 private key in PEM.", dir_okay=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the signature here.", dir_okay=False)],
    reference: Annotated[
        str | None, typer.Option("--reference", help="The name to note in what is signed; the module's.")
    ] = None,
    storage: Storage = None,
) -> None:
    """Sign a plugin's module, for servers that trust the key.

    Example: fabric plugin sign acme-meter:1.0.0 --key key.pem -o acme-meter.sig
    """
    import msgspec  # noqa: PLC0415 - keeps `--help` quick

    from runtime.plugins.signatures import sign as signed  # noqa: PLC0415

    digest, name = _signed_module(module, storage)
    made = signed(read_bytes(key), name if reference is None else reference, digest)
    write_bytes(output, msgspec.json.encode(made) + b"\n")
    terminal.say(f"`{output}` signs {name + ' ' if name else ''}{digest}.")


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The plugin's id, and the folder to make.")],
    folder: Annotated[Path | None, typer.Option("--folder", help="Make it here.", file_okay=False)] = None,
) -> None:
    """Write a plugin that builds: a Fabrickfile and a guest in C.

    Example: fabric plugin new acme-meter
    """
    from api.cli.plugin_skeleton import write_skeleton  # noqa: PLC0415 - keeps `--help` quick

    place = folder or Path(name)
    for path in write_skeleton(name, place):
        terminal.say(f"{path}")
    terminal.note(f"Build it: fabric module build {place}; then fabric plugin add {name}:0.1.0")


def _signed_module(module: str, storage: Path | None) -> tuple[str, str]:
    """The digest to sign, and the module's name where it is known. Raises NotFound MODULE_NOT_FOUND."""
    if _DIGEST.match(module):
        return module, ""
    name = module
    if Path(module).is_dir():
        from runtime.wasm.modules.building import read_folder  # noqa: PLC0415 - most name the module

        name = read_folder(Path(module)).reference
    found = modules_at(storage).show(name)
    return str(found["digest"]), name


def _find(server: Server, plugin: str) -> Json:
    try:
        return server.get(f"plugins/{segment(plugin)}")
    except NotFound as error:
        raise suggesting(error, plugin, list(server.pages("plugins", 1000))) from None


def _send(method: str, plugin: str, verb: str, body: Json = None) -> Json:
    server = Server.configured()
    found = _find(server, plugin)
    return server.send(method, f"plugins/{segment(found['id'])}{verb}", body=body).body


def _signature(content: bytes, payload: Path | None) -> Json:
    """Ours is one document; cosign writes the signature in base64, and what was signed into another file."""
    from catalog.jsonvalue import parse_strict  # noqa: PLC0415

    if payload is not None:
        return {
            "payload": b64encode(read_bytes(payload)).decode(),
            "signature": content.decode(errors="replace").strip(),
        }
    found = parse_strict(content)
    if not isinstance(found, dict):
        raise Invalid("PLUGIN_SIGNATURE", "The file is no signature.", hint="cosign's needs its `--payload` besides.")
    return found

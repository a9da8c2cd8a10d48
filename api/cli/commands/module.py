"""`fabric module`: what services are made of: built, stored, sent to registries and fetched from them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import terminal

if TYPE_CHECKING:
    from api.cli.modules import Modules

app = typer.Typer(no_args_is_help=True, help="WASM modules: what services are made of.")

Reference = Annotated[str, typer.Argument(help="A module, such as `hello:1.0.0`.")]
Storage = Annotated[
    Path | None,
    typer.Option("--storage", help="An OCI layout in this folder instead of the daemon's store.", file_okay=False),
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Speak http to this registry.")]


class Kind(StrEnum):
    """What a module is for."""

    COMMAND = "command"
    HTTP = "http"
    TCP = "tcp"


def modules_at(storage: Path | None) -> "Modules":
    from api.cli.control import Control  # noqa: PLC0415 - keeps `--help` quick
    from api.cli.modules import DaemonModules, StoreModules  # noqa: PLC0415 - as above

    return StoreModules.at(storage) if storage is not None else DaemonModules(Control.configured())


@app.command("build")
def build(
    folder: Annotated[Path, typer.Argument(help="The folder that holds a Fabrickfile.", file_okay=False)] = Path(),
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="Its name; without one, name:version. Repeat for more.")
    ] = None,
    run_build: Annotated[bool, typer.Option("--build/--no-build", help="Run the build's commands.")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="An unknown key is an error.")] = False,
    storage: Storage = None,
    json: terminal.AsJson = False,
) -> None:
    """Build a module from its Fabrickfile, here and as you, and store it.

    The commands of [build] run on this machine; the daemon is handed the result. Equal sources make an equal digest.

    Example: fabric module build ./hello -t hello:dev
    """
    from api.cli.module_build import built  # noqa: PLC0415 - keeps `--help` quick
    from api.cli.module_view import Shown  # noqa: PLC0415 - as above

    modules = modules_at(storage)
    with Shown(quiet=json) as progress:
        made = built(modules, folder, tuple(tag or ()), run_build=run_build, strict=strict, progress=progress)
    terminal.done(f"`{made['reference']}` is built ({made['digest']}).", made, as_json=json)


@app.command("add")
def add(
    source: Annotated[Path, typer.Argument(help="A .wasm file, an OCI layout's folder, or its tar.", exists=True)],
    tag: Annotated[str, typer.Option("--tag", "-t", help="Its name, such as `hello:1.0.0`.")],
    kind: Annotated[Kind | None, typer.Option("--type", help="What a bare .wasm is for; else `command`.")] = None,
    storage: Storage = None,
    json: terminal.AsJson = False,
) -> None:
    """Store a module that is there already.

    Example: fabric module add ./hello.wasm -t hello:1.0.0 --type http
    """
    made = modules_at(storage).add(source, tag, None if kind is None else kind.value)
    terminal.done(f"`{made['reference']}` is stored ({made['digest']}).", made, as_json=json)


@app.command("ls")
def listmodules_at(storage: Storage = None, json: terminal.AsJson = False) -> None:
    """List modules.

    Example: fabric module ls
    """
    from api.cli.module_view import LIST_COLUMNS  # noqa: PLC0415 - keeps `--help` quick

    rows = modules_at(storage).rows()
    terminal.show_rows(rows, LIST_COLUMNS, as_json=json, empty="There are no modules; see `fabric module build`.")


@app.command("show")
def show(reference: Reference, storage: Storage = None, json: terminal.AsJson = False) -> None:
    """Show a module: layers, exports and imports, capabilities.

    Example: fabric module show hello:1.0.0
    """
    from api.cli.module_view import show_module  # noqa: PLC0415 - keeps `--help` quick

    found = modules_at(storage).show(reference)
    if json:
        terminal.print_json(found)
    else:
        show_module(found)


@app.command("rm")
def remove(
    references: Annotated[list[str], typer.Argument(help="Modules, such as `hello:1.0.0`.")],
    force: Annotated[bool, typer.Option("--force", help="Even if a service runs it.")] = False,
    yes: terminal.Yes = False,
    storage: Storage = None,
    json: terminal.AsJson = False,
) -> None:
    """Take names of modules away; what no other name needs goes with them.

    Example: fabric module rm hello:1.0.0 --yes
    """
    modules = modules_at(storage)
    if not terminal.confirmed(f"Remove {', '.join(f'`{each}`' for each in references)}?", yes=yes):
        return
    gone = [modules.remove(each, force=force) for each in references]
    for each in [] if json else gone:
        terminal.note(f"`{each['reference']}` is removed.")
    if json:
        terminal.print_json(gone)


@app.command("tag")
def tag(
    reference: Reference,
    name: Annotated[str, typer.Argument(help="Its further name.")],
    storage: Storage = None,
    json: terminal.AsJson = False,
) -> None:
    """Give a module a further name.

    Example: fabric module tag hello:dev hello:1.0.0
    """
    made = modules_at(storage).tag(reference, name)
    terminal.done(f"`{made['reference']}` is `{made['digest']}`.", made, as_json=json)


@app.command("push")
def push(
    reference: Reference,
    to: Annotated[
        str | None, typer.Argument(help="Where to, if its name does not say: HOST/NAMESPACE/NAME:TAG.")
    ] = None,
    insecure: Insecure = False,
    storage: Storage = None,
    json: terminal.AsJson = False,
) -> None:
    """Send a module to a registry. Blobs that are there are not sent again.

    Example: fabric module push hello:1.0.0 127.0.0.1:5000/team/hello:1.0.0 --insecure
    """
    _move("push", reference, to, insecure=insecure, storage=storage, json=json)


@app.command("pull")
def pull(
    reference: Reference, insecure: Insecure = False, storage: Storage = None, json: terminal.AsJson = False
) -> None:
    """Fetch a module from a registry; every digest is checked.

    Example: fabric module pull registry.example/team/hello:1.0.0
    """
    _move("pull", reference, None, insecure=insecure, storage=storage, json=json)


def _move(what: str, reference: str, to: str | None, *, insecure: bool, storage: Path | None, json: bool) -> None:
    from api.cli.module_view import Shown  # noqa: PLC0415 - keeps `--help` quick

    modules = modules_at(storage)
    with Shown(quiet=json) as progress:
        made = modules.move(what, reference, to, insecure=insecure, progress=progress)
    done = "is sent" if what == "push" else "is here"
    terminal.done(f"`{made['reference']}` {done} ({made['digest']}).", made, as_json=json)

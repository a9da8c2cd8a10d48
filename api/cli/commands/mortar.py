"""`fabric mortar`: whole projects from a `fabricks-mortar.toml`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.exits import ExitCode
from api.cli.mortar_view import PROJECT_COLUMNS, show_deployed, show_problems, show_project
from api.cli.project_file import project_name, read_project_file
from api.cli.server import segment
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Whole projects: services, networks, volumes and policies in one file.")

BUILD_SECONDS = 3600.0
WAIT_SECONDS = 60.0

Place = Annotated[Path, typer.Argument(help="A project file, or the folder that holds fabricks-mortar.toml.")]
Profile = Annotated[str | None, typer.Option("--profile", help="The profile of the file to lay over its services.")]
Strict = Annotated[bool, typer.Option("--strict", help="An unknown field is an error.")]


@app.command("up")
def up(
    place: Place = Path(),
    profile: Profile = None,
    build: Annotated[bool, typer.Option("--build/--no-build", help="Build what the file builds from folders.")] = True,
    force_recreate: Annotated[bool, typer.Option("--force-recreate", help="Make every service anew.")] = False,
    variable: Annotated[
        list[str] | None, typer.Option("--var", help="NAME=VALUE of a variable of the file; repeat for more.")
    ] = None,
    strict: Strict = False,
    timeout: Annotated[str, typer.Option("--timeout", help="How long services may take to come up.")] = "60s",
    json: terminal.AsJson = False,
) -> None:
    """Deploy a project, or bring it to what its file says now; if something fails, all of it is undone.

    The daemon reads the project's folder itself: to build, and for files and secrets.

    Example: fabric mortar up samples/mortar/shop
    """
    text, path = read_project_file(place)
    body: Json = {
        "mortar": text,
        "base_dir": str(path.resolve().parent),
        "profile": profile,
        "build": build,
        "force_recreate": force_recreate,
        "variables": _pairs(variable),
        "strict": strict,
        "timeout": timeout,
    }
    done = Control.configured().post("mortar/deploy", body, seconds=BUILD_SECONDS)
    if json:
        terminal.print_json(done)
    else:
        show_deployed(done)


@app.command("down")
def down(
    project: Annotated[str, typer.Argument(help="The project's name, or its file or folder.")] = ".",
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove its volumes too, and what they hold.")
    ] = False,
    timeout: Annotated[str, typer.Option("--timeout", "-t", help="How long guests may take to end.")] = "30s",
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """Remove a project's services and networks; its volumes stay. Removing volumes asks first.

    Example: fabric mortar down shop
    """
    from runtime.forms.scalars import parse_duration  # noqa: PLC0415 - keeps `--help` quick

    name = project_name(project)
    if volumes and not terminal.confirmed(f"Remove the volumes of `{name}` and all they hold?", yes=yes):
        return
    control = Control.configured()
    total = control.get(f"mortar/status/{segment(name)}")["services"]["total"]
    patience = parse_duration(timeout) * max(1, total) + WAIT_SECONDS
    body = {"project_name": name, "remove_volumes": volumes, "timeout": timeout}
    gone = control.post("mortar/undeploy", body, seconds=patience)
    counted = [terminal.counted(gone[f"{what}s_removed"], what) for what in ("service", "network", "volume")]
    terminal.done(f"`{name}` is removed: {', '.join(counted)}.", gone, as_json=json)


@app.command("status")
def status(
    project: Annotated[str | None, typer.Argument(help="The project's name; without it, all of them.")] = None,
    json: terminal.AsJson = False,
) -> None:
    """Show how a project is, or all of them.

    Example: fabric mortar status shop
    """
    control = Control.configured()
    if project is None:
        found = control.get("mortar/status")["projects"]
        terminal.show_rows(found, PROJECT_COLUMNS, as_json=json, empty="No project is deployed.")
        return
    one = control.get(f"mortar/status/{segment(project)}")
    if json:
        terminal.print_json(one)
    else:
        show_project(one)


@app.command("validate")
def validate(
    place: Place = Path(), profile: Profile = None, strict: Strict = False, json: terminal.AsJson = False
) -> None:
    """List all that is wrong with a project file, and what it warns of. Needs no daemon.

    Secrets and the environment are taken for granted. Exit 0 when it could be deployed, 1 when not.

    Example: fabric mortar validate samples/mortar/shop
    """
    from runtime.daemon.mortar import listed, read_project  # noqa: PLC0415 - keeps `--help` quick

    text, path = read_project_file(place)
    found = read_project(text, profile=profile, base=path.resolve().parent, strict=strict, look_up=False).findings
    problems = [listed(each) for each in found.all]
    if json:
        terminal.print_json(problems)
    else:
        show_problems(path, problems)
    raise typer.Exit(ExitCode.AUTHOR if found.errors else ExitCode.FINE)


def _pairs(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given or ():
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"`{each}` is not NAME=VALUE.", param_hint="--var")
        found[name] = value
    return found

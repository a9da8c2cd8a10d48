"""`fabric service`: what the daemon runs."""

from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.server import segment
from api.cli.service_view import LIST_COLUMNS, show_service, show_stats
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="WASM services that the daemon runs.")

WAIT_SECONDS = 60.0

Name = Annotated[str, typer.Argument(help="The service's name or id.")]
Force = Annotated[bool, typer.Option("--force", help="At once, whatever is under way.")]
Timeout = Annotated[str, typer.Option("--timeout", help="How long what is under way may take to end.")]


@app.command("ls")
def list_services(
    state: Annotated[str | None, typer.Option("--state", help="Only those in this state.")] = None,
    network: Annotated[str | None, typer.Option("--network", help="Only those in this network.")] = None,
    label: Annotated[list[str] | None, typer.Option("--label", help="KEY=VALUE or KEY; repeat for more.")] = None,
    json: terminal.AsJson = False,
) -> None:
    """List services.

    Example: fabric service ls --state running
    """
    found = Control.configured().get("services", state=state, network=network, label=label)
    terminal.show_rows(found["services"], LIST_COLUMNS, as_json=json, empty="There are no services.")


@app.command("show")
def show(name: Name, json: terminal.AsJson = False) -> None:
    """Show a service and its replicas.

    Example: fabric service show api
    """
    found = _fetched(Control.configured(), name)
    if json:
        terminal.print_json(found)
    else:
        show_service(found)


@app.command("start")
def start(name: Name, json: terminal.AsJson = False) -> None:
    """Start a service that is stopped or has failed.

    Example: fabric service start api
    """
    done = Control.configured().post(_path(name, "start"))
    terminal.done(f"`{name}` is starting.", done, as_json=json)


@app.command("stop")
def stop(name: Name, force: Force = False, timeout: Timeout = "10s", json: terminal.AsJson = False) -> None:
    """Stop a service; it stays stopped over restarts of the daemon.

    Example: fabric service stop api --timeout 30s
    """
    done = Control.configured().post(_path(name, "stop"), _ending(timeout, force), seconds=_patience(timeout))
    terminal.done(f"`{name}` is stopped.", done, as_json=json)


@app.command("restart")
def restart(name: Name, force: Force = False, timeout: Timeout = "10s", json: terminal.AsJson = False) -> None:
    """Replace a service's replicas one by one, so that it goes on answering.

    Example: fabric service restart api
    """
    control = Control.configured()
    replicas = _fetched(control, name)["replicas"]["desired"]
    patience = _patience(timeout) * max(1, replicas)
    done = control.post(_path(name, "restart"), _ending(timeout, force), seconds=patience)
    count = terminal.counted(done["instances_restarted"], "replica")
    terminal.done(f"{count} of `{name}` restarted.", done, as_json=json)


@app.command("scale")
def scale(
    name: Name,
    replicas: Annotated[int, typer.Argument(min=0, help="How many replicas there should be.")],
    json: terminal.AsJson = False,
) -> None:
    """Set how many replicas a service has.

    Example: fabric service scale api 5
    """
    done = Control.configured().post(_path(name, "scale"), {"replicas": replicas})
    before, after = done["previous_replicas"], done["new_replicas"]
    terminal.done(f"`{name}` is scaled from {before} to {after}.", done, as_json=json)


@app.command("rm")
def remove(
    name: Name,
    force: Force = False,
    timeout: Timeout = "10s",
    yes: terminal.Yes = False,
    json: terminal.AsJson = False,
) -> None:
    """Stop a service and forget it; its volumes stay.

    Example: fabric service rm api --yes
    """
    control = Control.configured()
    found = _fetched(control, name)
    if terminal.confirmed(f"Remove `{found['name']}`?", yes=yes):
        path = f"services/{segment(found['id'])}"
        done = control.delete(path, seconds=_patience(timeout), timeout=timeout, force=force)
        terminal.done(f"`{found['name']}` is removed.", done, as_json=json)


@app.command("stats")
def stats(
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Again each second.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Show what a service uses.

    Example: fabric service stats api -f
    """
    from api.cli.follow import messages  # noqa: PLC0415 - only for who follows

    control = Control.configured()
    if not follow:
        found = control.get(_path(name, "stats"))
        terminal.print_json(found) if json else show_stats(found)
        return
    for _, _, each in messages(control, _path(name, "stats"), {"stream": True}):
        terminal.print_line(each) if json else show_stats(each)


def _fetched(control: Control, name: str) -> Json:
    return control.get(f"services/{segment(name)}")


def _path(name: str, what: str) -> str:
    return f"services/{segment(name)}/{what}"


def _ending(timeout: str, force: bool) -> Json:
    return {"timeout": timeout, "force": force}


def _patience(timeout: str) -> float:
    from runtime.forms.scalars import parse_duration  # noqa: PLC0415 - keeps `--help` quick

    return parse_duration(timeout) + WAIT_SECONDS

"""`fabric service run`: a module becomes a service."""

import time
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.commands.service import WAIT_SECONDS
from api.cli.control import Control
from api.cli.server import segment
from api.cli.service_view import show_service
from catalog.errors import GuestFailed, Unavailable
from catalog.jsonvalue import Json

POLL_SECONDS = 0.2

Pairs = list[str] | None


def run(
    module: Annotated[str, typer.Argument(help="A stored module, such as `hello:1.0.0` (see `fabric module ls`).")],
    args: Annotated[list[str] | None, typer.Argument(help="Arguments of the module, after `--`.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The service's name; without it, the module's.")] = None,
    env: Annotated[Pairs, typer.Option("--env", "-e", help="KEY=VALUE of its environment; repeat for more.")] = None,
    network: Annotated[
        Pairs, typer.Option("--network", help="A network it joins; without one it is internal. `default`: reachable.")
    ] = None,
    publish: Annotated[
        Pairs, typer.Option("--publish", "-p", help="HOST:CONTAINER, a port that the daemon listens on.")
    ] = None,
    volume: Annotated[Pairs, typer.Option("--volume", "-v", help="VOLUME:/PATH, a volume as it sees it.")] = None,
    replicas: Annotated[int | None, typer.Option("--replicas", min=0, help="How many replicas.")] = None,
    memory: Annotated[str | None, typer.Option("--memory", help="What one replica may use, such as 64Mi.")] = None,
    cpu: Annotated[float | None, typer.Option("--cpu", help="Cores that one replica may use, such as 0.5.")] = None,
    restart: Annotated[str | None, typer.Option("--restart", help="always, on-failure or never.")] = None,
    label: Annotated[Pairs, typer.Option("--label", help="KEY=VALUE; repeat for more.")] = None,
    no_capabilities: Annotated[
        bool, typer.Option("--no-capabilities", help="Do not check what its manifest declares.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Until it runs and is healthy, or has failed.")] = False,
    json: terminal.AsJson = False,
) -> None:
    """Run a stored module as a service.

    Example: fabric service run hello:1.0.0 --network default -p 8080:80 --wait
    """
    control = Control.configured()
    further: Json = {
        "ports": publish,
        "volumes": [_volume(each) for each in volume or ()],
        "replicas": None if replicas is None else {"min": replicas, "max": replicas},
        "resources": {key: value for key, value in (("memory", memory), ("cpu", cpu)) if value is not None},
        "restart_policy": restart and {"policy": restart},
        "labels": dict(_pairs(label, "--label")),
    }
    further = {key: value for key, value in further.items() if value}
    shared: Json = {"args": args or [], "no_capabilities": no_capabilities, "networks": network or []}
    pairs = _pairs(env, "--env")
    if name is None and not further:
        made = control.post("services/run-module", {"reference": module, "env_vars": pairs, **shared})
    else:
        named = name or module.removeprefix("wasm://").rpartition("/")[2].partition(":")[0]
        body = {"name": named, "image": module, "environment": dict(pairs), **shared, **further}
        made = control.post("services", body)
    _finish(control, made, wait=wait, json=json)


def _finish(control: Control, made: Json, *, wait: bool, json: bool) -> None:
    found = made if not wait else settled(control, made["id"])
    if json:
        terminal.print_json(found)
    elif wait:
        show_service(found)
    else:
        terminal.say("service ", made["name"], "  ", (made["id"], "bold"))


def settled(control: Control, service_id: str, seconds: float = WAIT_SECONDS) -> Json:
    """The service once it runs and is healthy. Raises GuestFailed SERVICE_FAILED, Unavailable SERVICE_SLOW."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = control.get(f"services/{segment(service_id)}")
        counts = found["replicas"]
        if found["state"] == "running" and counts["healthy"] >= counts["desired"]:
            return found
        if found["state"] in ("failed", "stopped"):
            hint = f"Look at `fabric service logs {found['name']}`."
            message = f"`{found['name']}` is {found['state']}: {found['reason'] or 'it has ended'}."
            raise GuestFailed("SERVICE_FAILED", message, hint=hint)
        time.sleep(POLL_SECONDS)
    message = f"`{found['name']}` is {found['state']} after {seconds:.0f} seconds."
    raise Unavailable("SERVICE_SLOW", message, hint=f"Look at `fabric service show {found['name']}`.")


def _pairs(given: Pairs, option: str) -> list[tuple[str, str]]:
    pairs = [each.partition("=") for each in given or ()]
    if any(not key or not equals for key, equals, _ in pairs):
        raise typer.BadParameter("Write KEY=VALUE.", param_hint=option)
    return [(key, value) for key, _, value in pairs]


def _volume(text: str) -> Json:
    source, colon, target = text.partition(":")
    if not colon:
        raise typer.BadParameter("Write VOLUME:/PATH.", param_hint="--volume")
    target, _, mode = target.partition(":")
    return {"source": source, "target": target, **({"read_only": True} if mode == "ro" else {})}

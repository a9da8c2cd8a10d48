"""`fabric network`: groups of services, and who may reach whom."""

from enum import StrEnum
from typing import Annotated

import typer

from api.cli import terminal
from api.cli.control import Control
from api.cli.server import segment
from catalog.jsonvalue import Json

app = typer.Typer(no_args_is_help=True, help="Networks of services: who may reach whom.")

Name = Annotated[str, typer.Argument(help="The network's name or id.")]

_COLUMNS: list[terminal.Column] = [
    ("NETWORK", lambda each: each["name"]),
    ("ID", lambda each: each["id"]),
    ("INTERNAL", lambda each: "yes" if each["internal"] else ""),
    ("SERVICES", lambda each: " ".join(each["services"])),
    ("CREATED", lambda each: terminal.moment(each["created_at"])),
]


class Encryption(StrEnum):
    """Whether plain text may leave a network."""

    REQUIRED = "required"
    OPTIONAL = "optional"


@app.command("ls")
def list_networks(json: terminal.AsJson = False) -> None:
    """List networks and the services in them.

    Example: fabric network ls
    """
    found = Control.configured().get("networks")
    terminal.show_rows(found["networks"], _COLUMNS, as_json=json, empty="There are no networks.")


@app.command("show")
def show(name: Name, json: terminal.AsJson = False) -> None:
    """Show a network: its rules and the services in it.

    Example: fabric network show default
    """
    found = Control.configured().get(f"networks/{segment(name)}")
    if json:
        terminal.print_json(found)
        return
    shown = {**found, "services": [each["name"] for each in found["services"]]}
    terminal.show_fields({key: value for key, value in shown.items() if value is not None})


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Its name: a-z, 0-9 and `-`.")],
    internal: Annotated[bool, typer.Option("--internal", help="Nothing comes in from outside or goes out.")] = False,
    isolated: Annotated[bool, typer.Option("--isolated", help="Its services do not reach each other.")] = False,
    ingress: Annotated[
        list[str] | None,
        typer.Option("--ingress", help="Who may come in: a network, `*` or a range such as 10.0.0.0/8. Repeat."),
    ] = None,
    egress: Annotated[
        list[str] | None,
        typer.Option("--egress", help="Where its services may go: a network, `*`, `external:*` or a range. Repeat."),
    ] = None,
    ingress_only: Annotated[bool, typer.Option("--ingress-only", help="Nothing leaves it.")] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Log each new connection.")] = False,
    encryption: Annotated[
        Encryption, typer.Option("--encryption", help="`required`: it is left over https alone.")
    ] = Encryption.OPTIONAL,
    json: terminal.AsJson = False,
) -> None:
    """Make a network. Without --ingress everybody may come in who has it in an egress list, and the outside too.

    Example: fabric network create core --internal --ingress edge
    """
    body: Json = {
        "name": name,
        "internal": internal,
        "isolated": isolated,
        "egress": egress or [],
        "ingress_only": ingress_only,
        "audit_all": audit,
        "encryption": encryption.value,
    }
    if ingress is not None:
        body["ingress"] = ingress
    made = Control.configured().post("networks", body)
    terminal.done(f"Network `{name}` is made.", made, as_json=json)


@app.command("rm")
def remove(name: Name, yes: terminal.Yes = False, json: terminal.AsJson = False) -> None:
    """Remove a network that no service is in.

    Example: fabric network rm core --yes
    """
    control = Control.configured()
    found = control.get(f"networks/{segment(name)}")
    if terminal.confirmed(f"Remove network `{found['name']}`?", yes=yes):
        gone = control.delete(f"networks/{segment(found['id'])}")
        terminal.done(f"Network `{found['name']}` is removed.", gone, as_json=json)

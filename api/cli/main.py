"""`fabric`: the command line. Each command is a file in `commands/`; heavy parts are imported when they run."""

import os
from typing import Annotated

import typer

from api.cli.commands import (
    audit,
    catalog,
    changes,
    connections,
    controllers,
    doctor,
    events,
    fmt,
    graph,
    ingest,
    keys,
    module,
    mortar,
    network,
    notifications,
    plugin,
    runs,
    schema,
    seal,
    secrets,
    service,
    service_logs,
    service_run,
    signing_secret,
    sites,
    sync,
    test,
    users,
    validate,
    volume,
)
from api.cli.edge import run_program
from api.cli.exits import DEBUG_VARIABLE
from api.cli.version import version_printer

app = typer.Typer(
    name="fabric",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_AUTHORING, _RUNNING, _KEEPING, _SERVICES = "Write Connections", "Watch and decide", "Administer", "Run services"


@app.callback()
def fabric(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback behind a problem.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=version_printer("fabric"))
    ] = False,
) -> None:
    """Write Connections, watch their runs, decide on their changes.

    Talks to the server at FABRIC_URL; `validate`, `fmt`, `graph`, `schema`,
    `catalog` and `test --scenario` need none.
    """
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"


app.command("validate", rich_help_panel=_AUTHORING)(validate.validate)
app.command("fmt", rich_help_panel=_AUTHORING)(fmt.fmt)
app.command("graph", rich_help_panel=_AUTHORING)(graph.graph)
app.command("schema", rich_help_panel=_AUTHORING)(schema.schema)
app.add_typer(catalog.app, name="catalog", rich_help_panel=_AUTHORING)
app.command("diff", rich_help_panel=_AUTHORING)(sync.diff)
app.command("sync", rich_help_panel=_AUTHORING)(sync.sync)
app.command("test", rich_help_panel=_AUTHORING)(test.test)
app.add_typer(connections.app, name="connections", rich_help_panel=_AUTHORING)
app.command("ingest", rich_help_panel=_RUNNING)(ingest.ingest)
app.add_typer(runs.app, name="runs", rich_help_panel=_RUNNING)
app.add_typer(changes.app, name="changes", rich_help_panel=_RUNNING)
app.add_typer(events.app, name="events", rich_help_panel=_RUNNING)
app.add_typer(notifications.app, name="notifications", rich_help_panel=_RUNNING)
service.app.command("run")(service_run.run)
service.app.command("logs")(service_logs.logs)
app.add_typer(service.app, name="service", rich_help_panel=_SERVICES)
app.add_typer(module.app, name="module", rich_help_panel=_SERVICES)
app.add_typer(network.app, name="network", rich_help_panel=_SERVICES)
app.add_typer(volume.app, name="volume", rich_help_panel=_SERVICES)
app.add_typer(mortar.app, name="mortar", rich_help_panel=_SERVICES)
app.add_typer(plugin.app, name="plugin", rich_help_panel=_SERVICES)
app.add_typer(secrets.app, name="secrets", rich_help_panel=_KEEPING)
app.add_typer(seal.app, name="seal", rich_help_panel=_KEEPING)
app.add_typer(keys.app, name="keys", rich_help_panel=_KEEPING)
app.add_typer(controllers.app, name="controllers", rich_help_panel=_KEEPING)
app.add_typer(sites.app, name="sites", rich_help_panel=_KEEPING)
app.add_typer(users.app, name="users", rich_help_panel=_KEEPING)
app.add_typer(audit.app, name="audit", rich_help_panel=_KEEPING)
app.command("doctor", rich_help_panel=_KEEPING)(doctor.doctor)
app.command("signing-secret", rich_help_panel=_KEEPING)(signing_secret.signing_secret)


def run() -> None:
    """The entry point: every way out is an exit code of `exits.py`."""
    run_program(app, "fabric")

"""`fabric doctor`: is this machine fit to serve?"""

import typer

from api.cli import terminal
from api.cli.exits import ExitCode


def doctor(json: terminal.AsJson = False) -> None:
    """Check packages, SQLite, file modes, port, Python and Redis.

    Exit 1 when something must be fixed; a warning is none.

    Example: fabric doctor --json
    """
    import msgspec  # noqa: PLC0415 - keeps `--help` quick

    from api.cli.checkup import BAD, examine  # noqa: PLC0415 - as above

    findings = examine()
    columns: list[terminal.Column] = [
        ("CHECK", lambda each: each["check"]),
        ("STATE", lambda each: each["state"]),
        ("FOUND", lambda each: each["found"]),
        ("DO", lambda each: each["hint"]),
    ]
    terminal.show_rows((msgspec.to_builtins(each) for each in findings), columns, as_json=json, empty="")
    raise typer.Exit(ExitCode.AUTHOR if any(each.state == BAD for each in findings) else ExitCode.FINE)

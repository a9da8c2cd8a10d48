"""`--version`, for both programs."""

from collections.abc import Callable

import typer


def version_printer(program: str) -> Callable[[bool], None]:
    """What `--version` does: print the installed version and end."""

    def show(asked: bool) -> None:
        if asked:
            from importlib.metadata import version  # noqa: PLC0415 - rarely asked for

            typer.echo(f"{program} {version('fabricksd')}")
            raise typer.Exit

    return show

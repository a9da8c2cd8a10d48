"""Projects on a terminal."""

from pathlib import Path

from api.cli import terminal
from catalog.jsonvalue import Json

_STYLES = {
    "running": "green",
    "healthy": "green",
    "failed": "bold red",
    "unhealthy": "bold red",
    **dict.fromkeys(("starting", "degraded", "deploying"), "yellow"),
    **dict.fromkeys(("stopped", "unknown"), "dim"),
}
_LISTS = (
    ("built", "built"),
    ("networks_created", "networks made"),
    ("networks_updated", "networks changed"),
    ("networks_removed", "networks removed"),
    ("volumes_created", "volumes made"),
    ("created", "services made"),
    ("updated", "services changed"),
    ("unchanged", "services as they were"),
    ("removed", "services removed"),
)


def _styled(word: str) -> object:
    return terminal.styled(word, _STYLES.get(word))


PROJECT_COLUMNS: list[terminal.Column] = [
    ("PROJECT", lambda each: each["project_name"]),
    ("VERSION", lambda each: each["version"]),
    ("STATE", lambda each: _styled(each["state"])),
    ("HEALTH", lambda each: _styled(each["health"])),
    ("RUNNING", lambda each: f"{each['services']['running']}/{each['services']['total']}"),
    ("UPDATED", lambda each: terminal.moment(each["updated_at"])),
]


def show_project(project: Json) -> None:
    """One project."""
    terminal.say("project ", (project["project_name"], "bold"), "  ", _styled(project["state"]))  # type: ignore[arg-type]
    services = project["services"]
    shown = {
        "version": project["version"],
        "profile": project["profile"],
        "health": project["health"],
        "services": f"{services['running']} of {services['total']} running, {services['failed']} failed",
        "deployment": project["deployment_id"],
        "deployed": terminal.moment(project["deployed_at"]),
        "updated": terminal.moment(project["updated_at"]),
    }
    terminal.show_fields({key: value for key, value in shown.items() if value})


def show_deployed(done: Json) -> None:
    """What a deployment came to."""
    for warning in done["warnings"]:
        terminal.note(f"warning: {terminal.visible(warning)}")
    terminal.say("project ", (done["project_name"], "bold"), f"  {done['deployment_id']}")
    changes = done["changes"]
    terminal.show_fields({name: " ".join(changes[key]) for key, name in _LISTS if changes[key]})


def show_problems(place: Path, problems: list[Json]) -> None:
    """Problems of a project file, one a line, and how many."""
    for each in problems:
        line = f":{each['line']}" if each["line"] else ""
        style = "bold red" if each["severity"] == "error" else "yellow"
        terminal.say(f"{place}{line}: ", (each["severity"], style), f": {terminal.visible(each['message'])}")
    errors = sum(each["severity"] == "error" for each in problems)
    if not problems:
        terminal.note("No problems.")
    else:
        counted = (terminal.counted(errors, "error"), terminal.counted(len(problems) - errors, "warning"))
        terminal.note(f"{', '.join(counted)}.")

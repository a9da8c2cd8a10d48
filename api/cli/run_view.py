"""A run as people read it: its head, then a line a step, with what it gave or why it failed."""

from api.cli import terminal
from catalog.jsonvalue import Json, compact

_SHOWN = 160


def show_run(run: Json) -> None:
    """Print a run with its steps."""
    terminal.say("run ", run["id"], "  ", terminal.styled(run["state"]))
    event = run["event"]
    lines = [
        ("connection", run["connection_name"]),
        ("event", f"{event['type']}  {event['id']}"),
        ("origin", run["origin"]),
        ("queued", terminal.moment(run["queued_at"])),
        ("ended", terminal.moment(run["ended_at"])),
        ("waits for", run["waits_for"] if run["state"] == "queued" else None),
        ("reason", run["reason"]),
    ]
    for name, value in lines:
        if value:
            terminal.say((f"  {name:<11}", "dim"), terminal.visible(value))
    _show_error(run["error"], "  ")
    for condition in run["conditions"] or ():
        _show_condition(condition, "  ")
    for step in run["steps"]:
        show_step(step)


def _show_condition(condition: Json, indent: str) -> None:
    """Whether a condition held, for a test, which reports conditions and does not stop at them."""
    what = " ".join(filter(None, (condition.get("field"), condition["operator"])))
    missing = "  (the field is not there)" if condition.get("present") is False else ""
    held = "yes" if condition["held"] else "no"
    terminal.say(indent, "condition ", terminal.visible(what), "  holds: ", terminal.styled(held), missing)
    for part in condition.get("parts") or ():
        _show_condition(part, f"{indent}  ")


def show_step(step: Json) -> None:
    """Print one step."""
    name = step["id"] or str(step["index"])
    tries = f"  attempts {step['attempts']}" if step["attempts"] > 1 else ""
    terminal.say("  ", (f"{name:<16}", "bold"), terminal.styled(step["state"]), f"  {step['operation_id']}{tries}")
    for change in step["change_ids"]:
        terminal.say("      waits as change ", (change, "bold"))
    if step["output"] is not None and not step["change_ids"]:
        terminal.say(("      output ", "dim"), _short(step["output"]))
    if step["reason"]:
        terminal.say(("      reason ", "dim"), terminal.visible(step["reason"]))
    if step["missing"]:
        terminal.say(("      missing ", "dim"), terminal.visible(", ".join(step["missing"])))
    _show_error(step["error"], "      ")


def _show_error(error: Json, indent: str) -> None:
    if error:
        terminal.say(indent, (error["code"], "bold red"), ": ", terminal.visible(error["message"]))
        if error["hint"]:
            terminal.say(indent, ("= ", "dim"), terminal.visible(error["hint"]))


def _short(value: Json) -> str:
    text = terminal.visible(compact(value).decode())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

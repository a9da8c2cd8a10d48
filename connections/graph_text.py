"""A Plan as text: a tree for the terminal, a Mermaid flowchart for documents."""

from catalog.jsonvalue import compact
from connections.model import Condition
from connections.plan import Plan, PlannedStep


def label(step: PlannedStep) -> str:
    """What a step is called in a picture: its id or number."""
    return step.id or str(step.index)


def marks(step: PlannedStep) -> list[str]:
    """What is unlike the usual about a step, in a few words each."""
    found = ["staged"] if step.operation.write else []
    if step.foreach is not None:
        found.append(f"for each {step.foreach.as_} in {step.foreach.in_.value}")
    if step.condition is not None:
        found.append("if")
    if step.join == "any":
        found.append("join any")
    if step.retry is not None:
        found.append(f"up to {step.retry.max_attempts} attempts")
    if step.continue_on_error:
        found.append("continues on error")
    return found


def terminal(plan: Plan) -> str:
    """The Connection as an indented list: each step under what it needs, numbered as it runs, ending in a newline."""
    lines = [plan.name, f"when {' or '.join(pattern.text for pattern in plan.source_patterns)}"]
    lines += [f"  and {sentence(each)}" for each in plan.connection.conditions or ()]
    width = max((len(label(step)) for step in plan.steps), default=0)
    for place, index in enumerate(plan.order):
        step = plan.steps[index]
        last = place == len(plan.order) - 1
        branch = "└─" if last else "├─"
        notes = [_after(plan, step), *marks(step)]
        text = f"{branch} {label(step):<{width}}  {step.operation.id}"
        lines.append(f"{text}  ({'; '.join(each for each in notes if each)})".removesuffix("  ()"))
    return "\n".join((*lines, ""))


def _after(plan: Plan, step: PlannedStep) -> str:
    """What a step waits for; nothing is said of the step just above in a chain."""
    if plan.is_chain:
        return ""
    return f"after {', '.join(label(plan.steps[need]) for need in step.needs)}" if step.needs else "at once"


def sentence(condition: Condition) -> str:
    """A condition in one line."""
    if isinstance(condition.all, tuple):
        return f"all of ({', '.join(sentence(each) for each in condition.all)})"
    if isinstance(condition.any, tuple):
        return f"any of ({', '.join(sentence(each) for each in condition.any)})"
    if isinstance(condition.not_, Condition):
        return f"not ({sentence(condition.not_)})"
    operator = str(condition.operator).replace("_", " ")
    if condition.operator in ("exists", "not_exists"):
        return f"{condition.field} {operator}"
    return f"{condition.field} {operator} {_shortened(compact(condition.value).decode())}"


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def mermaid(plan: Plan) -> str:
    """A Mermaid flowchart, ending in a newline: rounded source, one box a step, dashed frame for what is staged."""
    lines = ["flowchart TD", f'  source(["{_escaped(" or ".join(each.text for each in plan.source_patterns))}"])']
    for step in plan.steps:
        notes = "".join(f"<br/><i>{_escaped(each)}</i>" for each in marks(step))
        lines.append(f'  s{step.index}["<b>{_escaped(label(step))}</b><br/>{_escaped(step.operation.id)}{notes}"]')
    lines += [f"  source --> s{root}" for root in plan.roots]
    lines += [f"  s{need} --> s{step.index}" for step in plan.steps for need in step.needs]
    staged = ",".join(f"s{step.index}" for step in plan.steps if step.operation.write)
    if staged:
        lines += ["  classDef staged stroke-dasharray: 5 3", f"  class {staged} staged"]
    return "\n".join((*lines, ""))


def _escaped(text: str) -> str:
    """Text inside a quoted Mermaid label."""
    found = text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return found.replace("#", "&num;").replace("`", "&#96;")

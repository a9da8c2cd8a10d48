"""In which order steps run: ids, needs, no cycle."""

from catalog.catalog import nearest
from connections.passes.work import Work
from connections.reachability import Reachability


def run(work: Work) -> None:
    """Report STEP_DUPLICATE_ID, STEP_UNKNOWN_NEED and STEP_CYCLE; fill `reach`."""
    numbers = _numbers(work)
    needs = [_needs(work, number, numbers) for number in range(len(work.steps))]
    work.reach = Reachability(needs)
    cycle = work.reach.cycle()
    # A step that needs itself is reported where it says so; it would hide a longer circle only until it is mended.
    if len(cycle) > 1:
        named = " → ".join(f"`{work.ids[each] or each}`" for each in (*cycle, cycle[0]))
        work.findings.error("/steps", "STEP_CYCLE", f"Steps wait for each other: {named}.", "Remove one `needs`.")


def _numbers(work: Work) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, name in enumerate(work.ids):
        if name is None:
            continue
        if name in numbers:
            work.findings.error(
                f"/steps/{number}/id",
                "STEP_DUPLICATE_ID",
                f"Step {numbers[name]} is already called `{name}`.",
                "Choose another id.",
            )
        numbers.setdefault(name, number)
    return numbers


def _needs(work: Work, number: int, numbers: dict[str, int]) -> tuple[int, ...]:
    written = work.connection.steps[number].needs
    if work.broken(f"/steps/{number}/needs"):
        work.unordered.add(number)
    if written is None:
        return (number - 1,) if number else ()
    found: list[int] = []
    for place, name in enumerate(written):
        at = f"/steps/{number}/needs/{place}"
        need = numbers.get(name)
        if need is None:
            work.unordered.add(number)
        if work.broken(at):
            continue
        if need is None:
            near = nearest(name, numbers)
            work.findings.error(
                at,
                "STEP_UNKNOWN_NEED",
                f"No step is called `{name}`.",
                f"Did you mean `{near}`?" if near else "Give the step you mean an `id`.",
            )
        elif need == number:
            work.findings.error(at, "STEP_CYCLE", f"Step `{name}` needs itself.", "Remove it.")
        else:
            found.append(need)
    return tuple(sorted(set(found)))

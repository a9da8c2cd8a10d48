"""Does the author hold each step's permission now? It is asked again at every firing."""

from catalog.authority import Author
from catalog.operations import Operation, Tier
from connections.passes.work import Work


def run(work: Work) -> None:
    """Report PERMISSION_DENIED. Without an author (offline) the server asks."""
    if work.author is None:
        return
    for number, mine in enumerate(work.steps):
        if mine.operation is not None and not _may(work.author, mine.operation):
            needed = mine.operation.permission
            work.findings.error(
                f"/steps/{number}/operation_id",
                "PERMISSION_DENIED",
                f"The author may not use `{mine.operation.id}`.",
                f"It needs `{needed}`." if needed else "Only native sinks come without a permission.",
            )


def _may(author: Author, operation: Operation) -> bool:
    """A permissionless operation is allowed only if it is a native sink: neither a write nor a plugin's."""
    if operation.permission is None:
        return operation.tier is Tier.NATIVE and not operation.write
    return operation.permission in author.permissions

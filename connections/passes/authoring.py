"""Who may author: only an active org-admin without a site scope (the seed's permission gate)."""

from connections.passes.work import Work


def run(work: Work) -> None:
    """Report AUTHOR_FORBIDDEN for the whole document. Without an author (offline) the server asks."""
    if work.author is not None and not work.author.may_author:
        work.findings.error(
            "",
            "AUTHOR_FORBIDDEN",
            "Only an active org-admin without a site scope may author Connections.",
            "Ask an org-admin to store it.",
        )

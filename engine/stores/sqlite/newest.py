"""The newest rows of an organisation, over several states, from an index on (organisation_id, state)."""

from engine.stores.sqlite.readers import Reading, Rows


def newest(
    reading: Reading,
    tables: str,
    columns: str,
    organisation_id: str,
    states: tuple[str, ...],
    before: int,
    limit: int,
) -> Rows:
    """Rows (seq, columns…) below seq `before`, newest first. The first of `tables` has the states.

    Each state's part of the index is in the order of seq; the newest of every part are merged. One index thereby serves
    both the list of everything and the list of a rare state.
    """
    table = tables.partition(" ")[0]
    part = (
        f"SELECT seq FROM (SELECT seq FROM {table} WHERE organisation_id = ? AND state = ? AND seq < ?"
        " ORDER BY seq DESC LIMIT ?)"
    )
    bindings = [each for state in states for each in (organisation_id, state, before, limit)]
    found = reading.rows(" UNION ALL ".join([part] * len(states)), bindings)
    seqs = sorted((row[0] for row in found), reverse=True)[:limit]
    if not seqs:
        return []
    marks = ", ".join("?" * len(seqs))
    return reading.rows(
        f"SELECT {table}.seq, {columns} FROM {tables} WHERE {table}.seq IN ({marks}) ORDER BY {table}.seq DESC", seqs
    )

"""Problem: something wrong with one parameter, as long as another branch of the schema may still take it."""

import msgspec

Path = tuple[str | int, ...]
"""Keys and indexes from the parameters down."""


class Problem(msgspec.Struct, frozen=True):
    """A PARAM_* or TEMPLATE_* mistake at a path within the parameters."""

    path: Path
    code: str
    message: str
    hint: str = "Compare with the operation's input schema: `fabric catalog show`."


def named(path: Path) -> str:
    """What a message calls the parameter at a path."""
    return f"`{'.'.join(str(each) for each in path)}`"[:120] if path else "`params`"

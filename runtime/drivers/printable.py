"""Printable: what a device calls something, fit to be shown and kept."""

MOST = 64


def printable(text: str, most: int = MOST) -> str:
    """Without control characters, and of bounded length."""
    return "".join(each for each in text[: 4 * most] if each.isprintable())[:most].strip()

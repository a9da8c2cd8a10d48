"""Telling: chapters, notes and expectations, which every demo's story is made of."""

import time
from collections.abc import Callable
from pathlib import Path

from api.cli import terminal
from catalog.errors import FabricError, TargetFailed, TargetTimeout
from catalog.jsonvalue import Json

WAIT_SECONDS = 20.0


class Teller:
    """Tells a story chapter by chapter; whatever is not as expected ends it with TargetFailed DEMO_MISMATCH."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._chapter = 0

    def say(self, title: str, how: str) -> None:
        """The next chapter, and how it is done."""
        self._chapter += 1
        terminal.say("")
        terminal.say((f"{self._chapter}. {title}", "bold cyan"), (f"  {how}", "dim"))

    def note(self, text: str) -> None:
        """What came of it."""
        terminal.say(("   ", ""), terminal.visible(text))

    def expect(self, what: str, found: object, wanted: object) -> None:
        """Go on only if it is so."""
        if found != wanted:
            raise self.mismatch(what, wanted, found)

    def until(self, look: Callable[[], Json], what: str, seconds: float = WAIT_SECONDS) -> Json:
        """Look again and again until there is something (not None). Raises TargetTimeout DEMO_TIMEOUT."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = look()
            if found is not None:
                return found
            time.sleep(0.05)
        raise TargetTimeout("DEMO_TIMEOUT", f"The demo waits {seconds:g} s for {what} in vain.", hint=self._where())

    def mismatch(self, what: str, wanted: object, found: object) -> FabricError:
        """The end of a story that goes wrong."""
        return TargetFailed("DEMO_MISMATCH", f"{what}: expected {wanted!r}, got {found!r}.", hint=self._where())

    def _where(self) -> str:
        return f"The server's log is `{self._log}`."

"""`fabric` as a user types it: in this process, so that it is quick, and with nobody at the terminal."""

import io
import json
import sys

import msgspec
import pytest

from api.cli import main
from catalog.jsonvalue import Json


class Said(msgspec.Struct, frozen=True):
    """What a command came to: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Json:
        """Stdout as one JSON document."""
        return json.loads(self.out)


class Fabric:
    """Types commands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: object, stdin: str = "") -> Said:
        """Type `fabric WORDS…`."""
        self._monkeypatch.setattr(sys, "argv", ["fabric", *map(str, words)])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            main.run()
        captured = self._capsys.readouterr()
        return Said(int(caught.value.code or 0), captured.out, captured.err)

"""Control: the services API as the command line speaks it, over the daemon's Unix socket."""

import http.client
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlencode

from api.cli.client import SECONDS, Client
from api.cli.problems import trouble_from
from api.daemon.socket import connect_control
from catalog.errors import Unauthenticated, Unavailable
from catalog.jsonvalue import Json

PREFIX = "/v1/"


class Control(Client):
    """One daemon, by its socket, and the key it is spoken to with."""

    def __init__(self, path: Path, key: str | None) -> None:
        self.path = path
        self._key = key

    @classmethod
    def configured(cls, *, socket: Path | None = None, config: Path | None = None) -> Self:
        """The daemon of `socket`, FABRICKS_SOCKET or the configuration; with FABRICKS_API_KEY or the file's key."""
        from runtime.daemon.config import read_config  # noqa: PLC0415 - `--help` reads no configuration

        found, _ = read_config(config, os.environ, {} if socket is None else {"daemon.socket": str(socket)})
        return cls(found.daemon.socket, found.api.api_key or None)

    def get(self, path: str, **query: Json) -> Json:
        """GET something under /v1; the envelope's data. Raises FabricError as the daemon means it."""
        return self.ask("GET", path, query=query)

    def post(self, path: str, body: Json = None, *, seconds: float = SECONDS, **query: Json) -> Json:
        """POST a JSON body; the envelope's data."""
        return self.ask("POST", path, {} if body is None else body, seconds=seconds, query=query)

    def delete(self, path: str, *, seconds: float = SECONDS, **query: Json) -> Json:
        """DELETE something; the envelope's data."""
        return self.ask("DELETE", path, seconds=seconds, query=query)

    def ask(
        self,
        method: str,
        path: str,
        body: Json = None,
        *,
        query: Mapping[str, Json] | None = None,
        seconds: float = SECONDS,
    ) -> Json:
        """One request; the envelope's data. `seconds` is how long its answer may take."""
        return self.send(method, path, body=body, query=query, seconds=seconds).body["data"]

    def connect(self, seconds: float | None) -> http.client.HTTPConnection:
        """See Client."""
        return _SocketConnection(self.path, seconds)

    def target(self, path: str, query: Mapping[str, Json] | None) -> str:
        """See Client."""
        pairs = {key: _plain(value) for key, value in (query or {}).items() if value not in (None, False, (), [])}
        return f"{PREFIX}{path}" + (f"?{urlencode(pairs, doseq=True)}" if pairs else "")

    def credentials(self) -> Mapping[str, str]:
        """See Client."""
        return {"X-Fabricks-API-Key": self._key} if self._key else {}

    def unreachable(self, error: Exception) -> Exception:
        """See Client: Unavailable DAEMON_UNREACHABLE."""
        if isinstance(error, PermissionError):
            return Unavailable(
                "DAEMON_UNREACHABLE",
                f"You may not use the daemon's socket `{self.path}`.",
                hint="Ask to be added to its group: `sudo usermod -aG GROUP $USER`.",
            )
        if isinstance(error, TimeoutError):
            message = f"The daemon at `{self.path}` does not answer in time."
            return Unavailable("DAEMON_UNREACHABLE", message, hint="Look at `fabricksd logs`.")
        return Unavailable(
            "DAEMON_UNREACHABLE",
            f"No daemon answers at `{self.path}`. Is the daemon running?",
            hint="Start it with `fabricksd start --detach`, or set FABRICKS_SOCKET.",
        )

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
        """See Client."""
        error = trouble_from(status, headers, body)
        if isinstance(error, Unauthenticated):
            error.hint = "Set FABRICKS_API_KEY to a key that `fabricksd api-key generate` made."
        return error


def _plain(value: Json) -> Json:
    if value is True:
        return "true"
    return [str(each) for each in value] if isinstance(value, list | tuple) else value


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float | None) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        self.sock: socket.socket = connect_control(self._path, self._seconds)

"""Server: the REST API as the command line speaks it, over the standard library's HTTP client."""

import http.client
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

from api.cli.client import Client
from api.cli.problems import problem_from
from api.settings import TOKEN_FILE, data_place, read_settings
from catalog.errors import Invalid, Unauthenticated, Unavailable
from catalog.jsonvalue import Json
from catalog.urls import Refused, parse_url

URL_VARIABLE = "FABRIC_URL"
TOKEN_VARIABLE = "FABRIC_TOKEN"  # noqa: S105 - a variable's name
DEFAULT_URL = "http://127.0.0.1:8642"
PREFIX = "/api/v1/fabric"
PAGE = 200

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Server(Client):
    """One server and the credential it is spoken to with."""

    def __init__(self, url: str, token: str | None) -> None:
        try:
            self._place = parse_url(url)
        except Refused as error:
            raise Invalid("URL_OF_SERVER", f"`FABRIC_URL` is not a URL: {error.message}", hint=error.hint) from None
        self.url = url.rstrip("/")
        self._base = self._place.target.rstrip("/")
        self._token = token

    @classmethod
    def configured(cls) -> Self:
        """The server of FABRIC_URL with FABRIC_TOKEN, or the token file of a server on this machine."""
        url = os.environ.get(URL_VARIABLE) or DEFAULT_URL
        server = cls(url, None)
        server._token = os.environ.get(TOKEN_VARIABLE) or server._local_token()
        return server

    def _local_token(self) -> str | None:
        """The administrator's token of a server here. It is never sent to another machine."""
        if self._place.host not in _LOOPBACK:
            return None
        try:
            return token_file().read_text().strip() or None
        except OSError:
            return None

    def get(self, path: str, **query: Json) -> Json:
        """GET a resource under /api/v1/fabric. Raises FabricError as the server means it."""
        return self.send("GET", path, query=query).body

    def post(self, path: str, body: Json = None, **query: Json) -> Json:
        """POST a JSON body; the answer's body."""
        return self.send("POST", path, body=body, query=query).body

    def pages(self, path: str, limit: int, **query: Json) -> Iterator[Json]:
        """The rows of a list, at most `limit`, page after page."""
        cursor: Json = None
        while limit > 0:
            found = self.get(path, limit=min(limit, PAGE), cursor=cursor, **query)
            rows = found["items"]
            yield from rows[:limit]
            limit -= len(rows)
            cursor = found.get("next")
            if not cursor or not rows:
                return

    def connect(self, seconds: float | None) -> http.client.HTTPConnection:
        """See Client."""
        place = self._place
        if place.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(place.host, place.port, timeout=seconds, context=context)
        return http.client.HTTPConnection(place.host, place.port, timeout=seconds)

    def credentials(self) -> Mapping[str, str]:
        """See Client."""
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def target(self, path: str, query: Mapping[str, Json] | None) -> str:
        """See Client."""
        pairs = {key: value for key, value in (query or {}).items() if value is not None}
        prefix = "" if path.startswith("/") else f"{PREFIX}/"
        return f"{self._base}{prefix}{path}" + (f"?{urlencode(pairs)}" if pairs else "")

    def unreachable(self, error: Exception) -> Unavailable:
        """See Client: Unavailable SERVER_UNREACHABLE."""
        reason = "does not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
        return Unavailable(
            "SERVER_UNREACHABLE",
            f"The server at `{self.url}` {reason}.",
            hint="Start one with `fabricksd start`, or set FABRIC_URL.",
        )

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
        """See Client."""
        error = problem_from(status, headers, body)
        if isinstance(error, Unauthenticated):
            error.hint = "Set FABRIC_TOKEN, or FABRIC_DATA_DIR to the folder of the server on this machine."
            if os.environ.get(TOKEN_VARIABLE):
                error.hint = "FABRIC_TOKEN is not this server's, or no longer: correct it."
        return error


def segment(name: str) -> str:
    """A name or id as one segment of a path."""
    return quote(name, safe="")


def token_file() -> Path:
    """Where a server on this machine, with this environment, keeps the administrator's token."""
    return data_place(read_settings()[0]) / TOKEN_FILE

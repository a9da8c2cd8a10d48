"""Server: the REST API as the command line speaks it, over the standard library's HTTP client."""

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlencode

import msgspec

from api.cli.problems import ServerBug, problem_from
from api.settings import TOKEN_FILE, data_place, read_settings
from catalog.errors import Invalid, Unauthenticated, Unavailable
from catalog.jsonvalue import Json
from catalog.urls import Refused, parse_url

URL_VARIABLE = "FABRIC_URL"
TOKEN_VARIABLE = "FABRIC_TOKEN"  # noqa: S105 - a variable's name
DEFAULT_URL = "http://127.0.0.1:8642"
PREFIX = "/api/v1/fabric"
PAGE = 200
SECONDS = 60.0

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Reply(msgspec.Struct, frozen=True):
    """An answer below 400: its status, its headers in lower case, its body as JSON (None where it is empty)."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Server:
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

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        raw: bytes | None = None,
        query: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request. Raises FabricError as the server means it; Unavailable SERVER_UNREACHABLE."""
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        connection = self._connect(SECONDS)
        try:
            answer = self._ask(connection, method, self._target(path, query), content, headers or {})
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if answer.status >= 400:
            raise self._explained(problem_from(answer.status, found, text))
        return Reply(answer.status, found, _decoded(text))

    def open_stream(self, path: str, headers: Mapping[str, str], seconds: float) -> http.client.HTTPResponse:
        """A GET whose body is read line by line; closing the answer closes the connection."""
        connection = self._connect(seconds)
        try:
            answer = self._ask(connection, "GET", self._target(path, None), b"", {**headers, "Connection": "close"})
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from None
        if answer.status >= 400:
            found = {name.lower(): value for name, value in answer.getheaders()}
            raise self._explained(problem_from(answer.status, found, answer.read()))
        return answer

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        place = self._place
        if place.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(place.host, place.port, timeout=seconds, context=context)
        return http.client.HTTPConnection(place.host, place.port, timeout=seconds)

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: bytes, extra: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json", **extra}
        if body:
            headers.setdefault("Content-Type", "application/json")
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection.request(method, target, body or None, headers)
        return connection.getresponse()

    def _target(self, path: str, query: Mapping[str, Json] | None) -> str:
        pairs = {key: value for key, value in (query or {}).items() if value is not None}
        prefix = "" if path.startswith("/") else f"{PREFIX}/"
        return f"{self._base}{prefix}{path}" + (f"?{urlencode(pairs)}" if pairs else "")

    def _unreachable(self, error: Exception) -> Unavailable:
        reason = "does not answer in time" if isinstance(error, TimeoutError) else "cannot be reached"
        return Unavailable(
            "SERVER_UNREACHABLE",
            f"The server at `{self.url}` {reason}.",
            hint="Start one with `fabricksd start`, or set FABRIC_URL.",
        )

    def _explained(self, error: Exception) -> Exception:
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


def _decoded(text: bytes) -> Json:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise ServerBug("SERVER_ANSWER", "The server answers something that is not JSON.") from None

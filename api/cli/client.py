"""Client: one HTTP request of the command line's over the standard library; what it means is its subclass's to say."""

import http.client
import json
from collections.abc import Mapping

import msgspec

from api.cli.problems import ServerBug
from catalog.jsonvalue import Json

SECONDS = 60.0


class Reply(msgspec.Struct, frozen=True):
    """An answer below 400: its status, its headers in lower case, its body as JSON (None where it is empty)."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Client:
    """Speaks to one server. A subclass says where it is, what a path means there and what an error is."""

    def connect(self, seconds: float | None) -> http.client.HTTPConnection:
        """A connection that is made with the first request; `seconds` bounds each wait for it."""
        raise NotImplementedError

    def target(self, path: str, query: Mapping[str, Json] | None) -> str:
        """What stands in the request line."""
        raise NotImplementedError

    def credentials(self) -> Mapping[str, str]:
        """Headers that say who asks."""
        raise NotImplementedError

    def unreachable(self, error: Exception) -> Exception:
        """The failure of a server that does not answer."""
        raise NotImplementedError

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> Exception:
        """The failure that an answer of 400 and above stands for."""
        raise NotImplementedError

    def send(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        raw: bytes | None = None,
        query: Mapping[str, Json] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> Reply:
        """Send one request. Raises FabricError as the server means it, or as `unreachable` says."""
        content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        connection = self.connect(seconds)
        try:
            answer = self._ask(connection, method, self.target(path, query), content, headers or {})
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self.unreachable(error) from None
        finally:
            connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        if answer.status >= 400:
            raise self.refused(answer.status, found, text)
        return Reply(answer.status, found, _decoded(text))

    def open_stream(
        self, path: str, headers: Mapping[str, str], seconds: float | None, query: Mapping[str, Json] | None = None
    ) -> http.client.HTTPResponse:
        """A GET whose body is read line by line; closing the answer closes the connection."""
        connection = self.connect(seconds)
        try:
            answer = self._ask(connection, "GET", self.target(path, query), b"", {**headers, "Connection": "close"})
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self.unreachable(error) from None
        if answer.status >= 400:
            found = {name.lower(): value for name, value in answer.getheaders()}
            raise self.refused(answer.status, found, answer.read())
        return answer

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, target: str, body: bytes, extra: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json", **extra}
        if body:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, target, body or None, {**headers, **self.credentials()})
        return connection.getresponse()


def _decoded(text: bytes) -> Json:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise ServerBug("SERVER_ANSWER", "The server answers something that is not JSON.") from None

"""riddles: an unmodified wasi:http/incoming-handler, made by componentize-py. Nothing in it knows of Fabric."""

import json
import random
import sys
from urllib.parse import parse_qs, urlsplit

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import outgoing_handler, types
from wit_world.imports.streams import StreamError_Closed

RIDDLES = [("What has keys and opens nothing?", "a piano"), ("What gets wetter as it dries?", "a towel")]
count = 0
finished = False


class IncomingHandler(exports.IncomingHandler):
    """What the world asks for."""

    def handle(self, request, response_out):
        """Answer one request."""
        global count, finished  # noqa: PLW0603 - the instance lives from request to request
        count += 1
        path, _, query = (request.path_with_query() or "/").partition("?")
        done, finished = finished, finished or path == "/last"
        status, kind, body = route(path, {name: values[0] for name, values in parse_qs(query).items()}, request)
        if done:  # as components are that answer once
            return
        response = types.OutgoingResponse(types.Fields.from_list([("content-type", kind.encode())]))
        response.set_status_code(status)
        out = response.body()
        types.ResponseOutparam.set(response_out, Ok(response))
        with out.write() as stream:
            for at in range(0, len(body), 4096):
                stream.blocking_write_and_flush(body[at : at + 4096])
        types.OutgoingBody.finish(out, None)


def route(path, query, request):
    """Status, content type and body."""
    if path in ("/health", "/last"):
        return 200, "text/plain", b"ok\n"
    if path == "/echo":
        return 200, "application/octet-stream", whole(request.consume())
    if path == "/crash":
        print("about to crash", file=sys.stderr)
        raise RuntimeError("asked to crash")
    if path == "/":
        question, answer = random.choice(RIDDLES)  # noqa: S311 - a riddle is no secret
        return as_json(200, {"question": question, "answer": answer, "count": count})
    if path == "/request":
        headers = {name: value.decode() for name, value in request.headers().entries()}
        method = type(request.method()).__name__
        return as_json(200, {"method": method, "authority": request.authority(), "headers": headers})
    if path == "/call":
        return call(query["url"])
    return as_json(404, {"error": "no such path"})


def as_json(status, value):
    return status, "application/json", json.dumps(value).encode() + b"\n"


def whole(body):
    """All of a body."""
    parts = []
    with body.stream() as stream:
        while True:
            try:
                parts.append(stream.blocking_read(64 * 1024))
            except Err as end:
                if not isinstance(end.value, StreamError_Closed):
                    raise
                return b"".join(parts)


def call(url):
    """Ask somebody else."""
    asked = urlsplit(url)
    request = types.OutgoingRequest(types.Fields())
    request.set_scheme(types.Scheme_Https() if asked.scheme == "https" else types.Scheme_Http())
    request.set_authority(asked.netloc)
    request.set_path_with_query(asked.path or "/")
    try:
        future = outgoing_handler.handle(request, None)
    except Err as refusal:
        return as_json(502, {"refused": type(refusal.value).__name__})
    future.subscribe().block()
    answer = future.get().value
    if isinstance(answer, Err):
        return as_json(502, {"refused": type(answer.value).__name__})
    got = answer.value
    return as_json(200, {"status": got.status(), "body": whole(got.consume()).decode()})

"""Fabric's Python runtime: loads /app's handler once, then answers request after request."""

import importlib
import io
import json
import sys
import traceback
from pathlib import Path
from urllib.parse import parse_qsl

import fabric

APP = Path("/app")
PAGE = (
    "<!doctype html><title>No handler</title><p>This Python service has no handler yet: "
    "write <code>handler</code> in <code>app.py</code>.\n"
)
TEXT, HTML, JSON = "text/plain; charset=utf-8", "text/html; charset=utf-8", "application/json"


def entrypoint():
    """Module and function, from /app/.fabricks.toml."""
    try:
        lines = (APP / ".fabricks.toml").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, sign, value = line.partition("=")
        if sign and key.strip() == "entrypoint":
            module, _, function = value.split("#")[0].strip().strip("\"'").partition(":")
            return module or "app", function or "handler"
    return "app", "handler"


def load():
    """The handler, or the built-in one if there is none. What the source itself raises ends the guest."""
    module, function = entrypoint()
    try:
        return getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as missing:
        if missing.name != module:
            raise
    except AttributeError:
        if hasattr(sys.modules.get(module), function):
            raise
    print(f"/app has no {module}:{function}", file=sys.stderr)
    return nobody


def nobody(request):
    """Answers for a source without a handler."""
    if request["path"] == "/health":
        return {"status": 200, "headers": {"content-type": TEXT}, "body": "OK\n"}
    if request["path"] == "/":
        return {"status": 200, "headers": {"content-type": HTML}, "body": PAGE}
    return {"status": 404, "headers": {"content-type": TEXT}, "body": "Not found\n"}


def answer(handler, message):
    """One request's answer, as bytes. An exception is a 500 and a traceback in the log."""
    try:
        request = fabric.read_request(message)
        request["params"] = dict(parse_qsl(request["query"], keep_blank_values=True)) if request["query"] else {}
        said = handler(request)
        headers, body = dict(said.get("headers") or {}), said.get("body", b"")
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, (bytes, bytearray, memoryview)):
            body = json.dumps(body).encode()
            if not any(name.lower() == "content-type" for name in headers):
                headers["content-type"] = JSON
        return fabric.write_answer(said.get("status", 200), headers, bytes(body))
    except Exception:  # noqa: BLE001 - whatever the handler raises, the next request is answered
        traceback.print_exc()
        return fabric.write_answer(500, {"content-type": TEXT}, b"Internal error\n")


def main():
    """Answer until nobody asks."""
    sys.stdin = io.StringIO()
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(fabric.Output()), encoding="utf-8", line_buffering=True)
    sys.path.insert(0, str(APP))
    handler = load()
    fabric.send(fabric.READY, b"")
    while True:
        _, message = fabric.receive()
        said = answer(handler, message)
        sys.stdout.flush()
        fabric.send(fabric.ANSWER, said)


main()

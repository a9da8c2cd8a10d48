"""quotes: a Python service that keeps quotes in memory, and asks others when it is told to."""

import json
import os

import fabric

QUOTES = [
    {"by": "Heraclitus", "text": "Everything flows."},
    {"by": "Seneca", "text": "While we wait for life, life passes."},
]


def answer(request):
    """Route by path."""
    route = ROUTES.get(request["path"])
    return route(request) if route else reply(404, {"error": "no such path"})


def reply(status, value):
    return {"status": status, "headers": {"content-type": "application/json"}, "body": json.dumps(value) + "\n"}


def listed(request):
    if request["method"] == "POST":
        QUOTES.append(json.loads(request["body"]))
        print("a new quote, by", QUOTES[-1].get("by"))
        return reply(201, QUOTES[-1])
    by = request["params"].get("by")
    return reply(200, [quote for quote in QUOTES if by is None or quote["by"] == by])


def health(_):
    return {"status": 200, "headers": {"content-type": "text/plain"}, "body": "ok\n"}


def echo(request):
    return {"status": 200, "headers": {"content-type": "application/octet-stream"}, "body": request["body"]}


def told(request):
    return reply(200, {**request, "body": len(request["body"])})


def environment(_):
    return reply(200, dict(os.environ))


def crash(request):
    if request["params"].get("how") == "exit":
        raise SystemExit(3)
    raise RuntimeError("asked to crash")


def call(request):
    try:
        got = fabric.http_request("GET", request["params"]["url"])
    except fabric.Refused as refusal:
        return reply(502, {"refused": str(refusal)})
    return reply(200, {"status": got["status"], "body": got["body"].decode()})


ROUTES = {
    "/quotes": listed,
    "/health": health,
    "/echo": echo,
    "/request": told,
    "/env": environment,
    "/crash": crash,
    "/call": call,
}

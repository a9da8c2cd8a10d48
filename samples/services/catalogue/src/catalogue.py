"""catalogue: the shop's products, in Python. Prices are in cents."""

import json
import os

import fabric

PRODUCTS = {"tea": 450, "cups": 1200, "kettle": 3900}


def handler(request):
    """Answer by path."""
    path = request["path"]
    if path == "/health":
        return {"status": 200, "headers": {"content-type": "text/plain"}, "body": "ok\n"}
    if path == "/products":
        return reply(200, {"season": os.environ.get("SEASON", ""), "products": PRODUCTS})
    if path.startswith("/products/"):
        name = path.removeprefix("/products/")
        return reply(200, {"item": name, "price": PRODUCTS[name]}) if name in PRODUCTS else reply(404, {"error": name})
    if path == "/call":
        return called(request["params"].get("url", ""))
    return reply(404, {"error": "no such path"})


def called(url):
    """Ask somebody, who may be out of reach."""
    try:
        got = fabric.http_request("GET", url)
    except fabric.Refused as refusal:
        print("refused:", refusal)
        return reply(502, {"refused": str(refusal)})
    return reply(200, {"status": got["status"], "body": got["body"].decode("utf-8", "replace")})


def reply(status, value):
    """JSON."""
    return {"status": status, "headers": {"content-type": "application/json"}, "body": json.dumps(value) + "\n"}

"""Plain Sanic with hello's `/echo`: what the hop is measured against. `python -m bench.services.plain PORT`."""

import sys

from sanic import HTTPResponse, Request, Sanic

app = Sanic("plain", configure_logging=False)


@app.post("/echo")
async def echo(request: Request) -> HTTPResponse:
    """The body as it came, with its own content type."""
    return HTTPResponse(request.body, content_type=request.headers.get("content-type", "application/octet-stream"))


@app.get("/")
async def greet(_request: Request) -> HTTPResponse:
    """Says that it is there."""
    return HTTPResponse('{"hello": "world"}\n', content_type="application/json")


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, access_log=False, motd=False)

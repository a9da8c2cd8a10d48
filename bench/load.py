"""Load from its own process (wrk), its ceiling, and the rule that makes a run void."""

import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.void import Void

CONNECTIONS = 32
MAX_SHARE_OF_CEILING = 0.7

_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_BAD = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wrk(url: str, seconds: float, *, headers: Mapping[str, str] | None = None, body: str | None = None) -> float:
    """Requests per second over 32 connections: GET, or POST where there is a body. Raises Void on any bad answer."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text(_script(headers or {}, body), encoding="utf-8")
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(script), url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if found := _BAD.search(told):
        raise Void(f"the server answered badly: {found[0]}")
    rate = _RATE.search(told)
    if rate is None:
        raise Void("wrk printed no rate")
    return float(rate[1])


def _script(headers: Mapping[str, str], body: str | None) -> str:
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    if body is not None:
        lines += ['wrk.method = "POST"', f"wrk.body = [==[{body}]==]"]
    return "\n".join(lines) + "\n"


@contextmanager
def bare_server() -> Iterator[str]:
    """A process that answers every request with the same bytes, unread: what the load generator can reach here."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.bare", str(port)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline() != "ready\n":
            raise Void("the bare server did not start")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


def ceiling(seconds: float = 2.0) -> float:
    """Requests per second that wrk reaches against the bare server."""
    with bare_server() as url:
        return wrk(url, seconds)


def check_ceiling(floor: float, top: float) -> None:
    """Raise Void where the floor is so near the ceiling that the load, not the server, was measured."""
    if floor > MAX_SHARE_OF_CEILING * top:
        raise Void(f"the floor ({floor:.0f}/s) is over {MAX_SHARE_OF_CEILING} of the load's ceiling ({top:.0f}/s)")

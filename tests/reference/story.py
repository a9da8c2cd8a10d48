"""The story: every request that the reference prints, sent as printed, in an order in which it makes sense.

Adapted are only names and paths of this machine: the host port, which must be free; the project file, which the sample
leaves out; ids, which the daemon makes.
"""

import base64
import copy
import json
import secrets
import socket
import threading
from pathlib import Path
from urllib.parse import quote

import msgspec

from catalog.jsonvalue import Json
from runtime.wasm.messages import encode_request
from tests.api.daemon.hosted import Hosted, hosted
from tests.api.running import Reply
from tests.reference.samples import Sample, samples

PROJECT = """
mortar_version = "1.0"
[project]
name = "acme-shop"
version = "1.0.0"
[network.front]
ingress = "0.0.0.0/0"
[volume.carts]
size = "1Mi"
[service.shop]
image = "wasm://my-api:v1.0.0"
type = "http"
networks = ["front"]
volumes = { carts = "/data" }
[profile.production]
description = "As it is for customers."
[profile.production.overrides.all_services.replicas]
min = 2
max = 4
"""


class Sent(msgspec.Struct, frozen=True):
    """A request as it was sent, and its answer."""

    sample: Sample
    path: str
    body: Json
    reply: Reply


Told = dict[str, Sent]


class Teller:
    """Sends samples to a daemon and keeps what is answered."""

    def __init__(self, daemon: Hosted) -> None:
        self.daemon = daemon
        self.told: Told = {}

    def send(self, name: str, *, change: Json = None, query: str = "", **ids: str) -> Json:
        """Send a sample: `ids` for the braces of its path, `change` over its body. The answer's data."""
        sample = samples()[name]
        path = sample.name.split()[1].format(**{key: quote(value) for key, value in ids.items()}) + query
        body = copy.deepcopy(sample.request)
        if change:
            body.update(change)
        content = None if body is None else json.dumps(body).encode()
        reply = self.daemon.ask(sample.method, path, body=content, headers={"Content-Type": "application/json"})
        self.told[name] = Sent(sample, path, body, reply)
        return reply.body.get("data")


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def tell(folder: Path) -> Told:
    """The whole story, from an empty daemon to its end."""
    file = folder / "daemon.toml"
    file.write_text('[daemon]\nlog_level = "info"\n[resources]\nmax_services = 100\n')
    # The sample's volume is encrypted, so there has to be a key.
    with hosted(folder, file=file, variables={"FABRICKS_VOLUME_KEY": secrets.token_hex(32)}) as daemon:
        for reference in ("my-api:v1.0.0", "rust-http:0.1.0"):
            daemon.add_module("hello", reference)
        teller = Teller(daemon)
        _networks_and_volumes(teller)
        _services(teller)
        _changes(teller)
        _project(teller)
        _daemon(teller, file)
        _ends(teller)
        return teller.told


def _networks_and_volumes(teller: Teller) -> None:
    daemon = teller.daemon
    teller.send("POST /v1/networks")
    made = teller.send("POST /v1/volumes")
    daemon.data("POST", "/volumes", {"name": "api-data", "size": "1Mi"}, status=201)
    # What the sample shows of a volume: it is mounted, and it was copied.
    use = {"source": "postgres-data", "target": "/var/lib/postgresql/data"}
    postgres = {"name": "postgres", "image": "my-api:v1.0.0", "volumes": [use], "no_capabilities": True}
    daemon.data("POST", "/services", {**postgres, "networks": ["application"]}, status=201)
    daemon.settled("postgres")
    daemon.data("POST", f"/volumes/{made['id']}/backup", status=201)
    teller.send("GET /v1/volumes")
    teller.send("GET /v1/volumes/{id}", id=made["id"])


def _services(teller: Teller) -> None:
    daemon = teller.daemon
    made = teller.send("POST /v1/services", change={"ports": [{"host": free_port(), "container": 8080}]})
    daemon.settled("api-service")
    _print(daemon, made["id"], "Starting")
    run = teller.send("POST /v1/services/run-module")
    daemon.settled(run["id"])
    teller.send("GET /v1/services")
    teller.send("GET /v1/services/{id}", id=made["id"])
    teller.send("GET /v1/services/{id}/logs", id="api-service", query="?tail=100")
    teller.send("GET /v1/services/{id}/stats", id=made["id"])
    teller.send("POST /v1/health/{id}/check", id=made["id"])
    teller.send("GET /v1/health/{id}", id=made["id"])
    teller.send("GET /v1/health/{id}/history", id=made["id"], query="?limit=2")
    teller.send("GET /v1/networks")
    teller.send("GET /v1/networks/{id}", id="application")


def _print(daemon: Hosted, service_id: str, text: str) -> None:
    """Have the guest print a line. Its network is internal, so that nobody may ask it from outside."""
    answered = threading.Event()
    message = encode_request(b"GET", f"/log?text={text}".encode(), [], b"")
    forward = daemon.daemon.router.forward
    daemon.loop.call_soon_threadsafe(forward, service_id, message, lambda _: answered.set())
    assert answered.wait(10)
    while not daemon.get(f"/services/{service_id}/logs")["count"]:
        pass


def _changes(teller: Teller) -> None:
    teller.send("POST /v1/services/{id}/scale", id="api-service")
    teller.daemon.settled("api-service")
    teller.send("POST /v1/services/{id}/restart", id="api-service")
    teller.send("PATCH /v1/services/{id}", id="api-service")
    teller.daemon.settled("api-service")


def _project(teller: Teller) -> None:
    text = base64.b64encode(PROJECT.encode()).decode()
    teller.send("POST /v1/mortar/deploy", change={"mortar": text})
    teller.send("GET /v1/mortar/status/{project_name}", project_name="acme-shop")
    teller.send("POST /v1/mortar/undeploy")
    teller.send("GET /v1/events/history", query="?types=service.started&limit=100")


def _daemon(teller: Teller, file: Path) -> None:
    teller.send("GET /v1/daemon/info")
    teller.send("GET /v1/daemon/stats")
    file.write_text('[daemon]\nlog_level = "debug"\n[resources]\nmax_services = 200\n')
    teller.send("POST /v1/daemon/reload")


def _ends(teller: Teller) -> None:
    teller.send("DELETE /v1/services/{id}", id="api-service", query="?force=false&timeout=10s")
    teller.daemon.remove("postgres")
    teller.send("DELETE /v1/networks/{id}", id="application")
    teller.send("DELETE /v1/volumes/{id}", id="postgres-data", query="?force=false")
    teller.send("POST /v1/daemon/shutdown")

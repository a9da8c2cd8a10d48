"""samples/assistant-restart as it is run: a real client beside a real service; it asks, and a person applies."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from tests.api.daemon.guests import SERVICES
from tests.api.functions import Floor, floor

SAMPLE = SERVICES.parent / "assistant-restart"
SCOPES = ["services.view", "services.manage"]


@pytest.fixture(scope="module")
def shop() -> Iterator[Floor]:
    """A server whose service `hello` runs, with the sample's Connection."""
    with floor() as started:
        started.start("hello", started.store(SERVICES / "hello"))
        made = started.server.call(
            "POST", "/connections", yaml.safe_load((SAMPLE / "connection.yaml").read_text(encoding="utf-8"))
        )
        assert made.status == 201, made.content
        yield started


def asks(shop: Floor, service: str, scopes: list[str]) -> "subprocess.CompletedProcess[str]":
    """The sample's assistant with a token of these scopes."""
    token = shop.server.issue(name="helper", kind="assistant", scopes=scopes, daily_calls=10)
    settings = {**os.environ, "FABRIC_URL": shop.server.server.url, "FABRIC_ASSISTANT_TOKEN": token}
    command = [sys.executable, str(SAMPLE / "assistant.py"), service]
    return subprocess.run(command, env=settings, capture_output=True, text=True, timeout=60, check=False)


def began(shop: Floor) -> list[str]:
    """When each replica began, and which process it is."""
    instances = shop.daemon("GET", "services/hello")["replicas"]["instances"]
    return [f"{each['started_at']} {each['pid']}" for each in instances]


@pytest.mark.promise("W1")
def test_it_asks_for_a_restart_that_a_person_applies(shop: Floor) -> None:
    server, before = shop.server, began(shop)
    said = asks(shop, "hello", SCOPES)
    assert said.returncode == 0, said.stderr
    (tools,) = re.findall(r"^tools: (.*)$", said.stdout, re.MULTILINE)
    assert "services__restart" in tools
    assert "webhook" not in tools
    assert "service hello: running, healthy, 1 replicas run" in said.stdout
    (change_id,) = re.findall(r"fabric changes apply (\S+)", said.stdout)
    change = server.get(f"/changes/{change_id}")
    assert (change["state"], change["operation_id"], change["asked_by"]["kind"]) == (
        "pending",
        "services.restart",
        "assistant",
    )
    assert began(shop) == before, "nothing has happened yet"
    (told,) = shop.until(lambda: server.get("/notifications")["items"])
    assert told["title"] == "hello is to be restarted"
    assert change_id in told["body"]
    done = server.call("POST", f"/changes/{change_id}/apply", {"force": True, "digest": change["digest"]})
    assert (done.body["state"], done.body["outcome"]["instances_restarted"]) == ("applied", 1)
    assert began(shop) != before
    assert shop.state("hello") == "running"


def test_it_is_told_what_it_may_not_and_what_there_is_not(shop: Floor) -> None:
    pending = len(shop.server.get("/changes")["items"])
    blind = asks(shop, "hello", ["services.view"])
    assert "services__restart" not in blind.stdout
    assert (blind.returncode, "offered no restart" in blind.stdout) == (1, True), blind.stderr
    nobody = asks(shop, "nobody", SCOPES)
    assert (nobody.returncode, "SERVICE_NOT_FOUND" in nobody.stdout) == (1, True)
    assert len(shop.server.get("/changes")["items"]) == pending

"""/v1/networks: the reference's answers."""

import re

import pytest

from catalog.jsonvalue import Json
from tests.api.daemon.hosted import Hosted

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
REQUEST: dict[str, Json] = {
    "name": "application",
    "internal": True,
    "ingress": ["dmz"],
    "egress": ["data", "cache"],
    "encryption": "required",
}


def test_a_network_from_its_making_to_its_end(daemon: Hosted) -> None:
    made = daemon.data("POST", "/networks", REQUEST, status=201)
    assert made.keys() == {"id", "name", "created_at"}
    assert re.fullmatch("network-[a-z0-9]{6}", made["id"])
    assert STAMP.fullmatch(made["created_at"])

    (listed,) = [each for each in daemon.get("/networks")["networks"] if each["id"] == made["id"]]
    assert listed == made | {"internal": True, "services": []}

    shown = daemon.get("/networks/application")
    assert shown == made | {
        "internal": True,
        "ingress": ["dmz"],
        "egress": ["data", "cache"],
        "encryption": "required",
        "services": [],
    }
    assert daemon.get(f"/networks/{made['id']}") == shown

    refused = daemon.error("POST", "/networks", REQUEST, status=409)
    assert refused["code"] == "INVALID_STATE"
    gone = daemon.data("DELETE", f"/networks/{made['id']}")
    assert gone.keys() == {"id", "deleted_at"}
    assert STAMP.fullmatch(gone["deleted_at"])
    missing = daemon.error("GET", "/networks/application", status=404)
    assert missing["code"] == "NETWORK_NOT_FOUND"


def test_default_is_there_and_stays(daemon: Hosted) -> None:
    shown = daemon.get("/networks/default")
    assert (shown["internal"], shown["ingress"]) == (False, ["0.0.0.0/0", "::/0"])
    refused = daemon.error("DELETE", "/networks/default", status=409)
    assert refused["code"] == "INVALID_STATE"


def test_a_network_shows_its_services_and_is_kept_while_it_has_any(running: Hosted) -> None:
    made = running.data("POST", "/networks", {"name": "room"}, status=201)
    assert running.get("/networks/room")["ingress"] is None
    body = {"name": "guest", "image": "hello:1.0.0", "networks": ["room"]}
    service = running.data("POST", "/services", body, status=201)
    assert running.get("/networks/room")["services"] == [{"id": service["id"], "name": "guest"}]
    (listed,) = [each for each in running.get("/networks")["networks"] if each["name"] == "room"]
    assert listed["services"] == ["guest"]
    refused = running.error("DELETE", f"/networks/{made['id']}", status=409)
    assert (refused["code"], refused["details"]["services"]) == ("INVALID_STATE", ["guest"])
    running.data("DELETE", "/services/guest?force=true")
    running.data("DELETE", "/networks/room")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "A b"}, "name"),
        ({"name": "x", "ingress": ["no/good"]}, "ingress[0]"),
        ({"name": "x", "encryption": "yes"}, "encryption"),
        ({"name": "x", "intrenal": True}, "intrenal"),
    ],
)
def test_a_wrong_request_names_its_fields(daemon: Hosted, body: dict[str, Json], field: str) -> None:
    refused = daemon.error("POST", "/networks", body, status=400)
    assert refused["code"] == "INVALID_REQUEST"
    assert [each["field"] for each in refused["details"]["fields"]] == [field]

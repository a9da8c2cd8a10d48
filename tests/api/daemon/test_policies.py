"""Policies from `policy_dir`, over the API: at create, at update, at each connection; modes; a bad file."""

from pathlib import Path

from catalog.jsonvalue import Json
from tests.api.daemon.guests import store_guest
from tests.api.daemon.hosted import Hosted, hosted

SEED = """
# Example policy
[policy.pci_compliance]
[[policy.pci_compliance.deny]]
from = ["payment"]
to = ["monitoring"]
reason = "PCI data must not be logged"
"""


def service(name: str, image: str = "hello:1.0.0", **fields: Json) -> Json:
    return {"name": name, "image": image, "type": "http", "networks": ["default"], **fields}


def violations(daemon: Hosted) -> list[Json]:
    return [each["data"] for each in daemon.get("/events/history?types=policy.violated")["events"]]


def running(daemon: Hosted, body: Json) -> None:
    made = daemon.data("POST", "/services", body, status=201)
    daemon.run(daemon.daemon.services.settled(made["id"], 20.0))


def test_the_policy_of_the_reference_is_kept_to(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pci.toml").write_text(SEED)
    with hosted(folder, policy__policy_dir=str(tmp_path)) as daemon:
        for name in ("hello", "caller"):
            store_guest(daemon, name)
        running(daemon, service("monitoring"))
        refused = daemon.error("POST", "/services", service("payment", depends_on=["monitoring"]), status=403)
        assert refused["code"] == "FORBIDDEN"
        said = {key: refused["details"][key] for key in ("policy", "rule", "reason")}
        assert said == {"policy": "pci_compliance", "rule": "deny", "reason": "PCI data must not be logged"}
        assert daemon.error("GET", "/services/payment", status=404)

        running(daemon, service("payment", "caller:1.0.0"))
        change = {"depends_on": ["monitoring"]}
        assert daemon.error("PATCH", "/services/payment", change, status=403)["code"] == "FORBIDDEN"
        asked = daemon.call("GET", "/services/payment/proxy/call?url=http://monitoring/")
        assert asked.body["body"] == "FORBIDDEN"
        told = violations(daemon)[0]
        assert (told["from"], told["to"], told["mode"]) == ("payment", "monitoring", "enforce")

        # A bad file changes nothing; a good one holds at once.
        (tmp_path / "pci.toml").write_text("[policy")
        tried = daemon.data("POST", "/daemon/reload?dry_run=true", {})
        assert any("pci.toml" in each for each in tried["warnings"])
        done = daemon.data("POST", "/daemon/reload", {})
        assert any("pci.toml" in each for each in done["warnings"])
        assert daemon.call("GET", "/services/payment/proxy/call?url=http://monitoring/").body["body"] == "FORBIDDEN"
        (tmp_path / "pci.toml").write_text(SEED.replace("payment", "nobody"))
        daemon.data("POST", "/daemon/reload", {})
        assert daemon.call("GET", "/services/payment/proxy/call?url=http://monitoring/").body["status"] == 200


def test_audit_lets_through_and_tells(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "pci.toml").write_text(SEED)
    with hosted(folder, policy__policy_dir=str(tmp_path), policy__mode="audit") as daemon:
        for name in ("hello", "caller"):
            store_guest(daemon, name)
        running(daemon, service("monitoring"))
        running(daemon, service("payment", "caller:1.0.0", depends_on=["monitoring"]))
        assert daemon.call("GET", "/services/payment/proxy/call?url=http://monitoring/").body["status"] == 200
        told = violations(daemon)
        assert {each["mode"] for each in told} == {"audit"}
        assert {(each["policy"], each["from"], each["to"]) for each in told} == {
            ("pci_compliance", "payment", "monitoring")
        }


def test_a_service_without_networks_is_internal_only(folder: Path) -> None:
    with hosted(folder) as daemon:
        store_guest(daemon, "hello")
        made = daemon.data("POST", "/services/run-module", {"reference": "hello:1.0.0"}, status=201)
        daemon.run(daemon.daemon.services.settled(made["id"], 20.0))
        refused = daemon.error("GET", "/services/hello/proxy/", status=403)
        assert (refused["code"], refused["details"]["rule"]) == ("FORBIDDEN", "network")

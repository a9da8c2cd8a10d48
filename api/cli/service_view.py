"""A service on a terminal."""

from api.cli import terminal
from catalog.jsonvalue import Json
from runtime.forms.scalars import print_bytes

_STYLES = {
    **dict.fromkeys(("running", "healthy", "completed"), "green"),
    **dict.fromkeys(("failed", "unhealthy"), "bold red"),
    **dict.fromkeys(("pending", "starting", "stopping", "backoff", "deleting", "degraded"), "yellow"),
    **dict.fromkeys(("stopped", "unknown"), "dim"),
}


def _state(service: Json) -> object:
    word = "degraded" if service["degraded"] and service["state"] == "running" else service["state"]
    return terminal.styled(word, _STYLES.get(word))


def _styled(word: str) -> object:
    return terminal.styled(word, _STYLES.get(word))


LIST_COLUMNS: list[terminal.Column] = [
    ("SERVICE", lambda each: each["name"]),
    ("ID", lambda each: each["id"]),
    ("STATE", _state),
    ("READY", lambda each: f"{each['replicas']['running']}/{each['replicas']['desired']}"),
    ("HEALTHY", lambda each: each["replicas"]["healthy"]),
    ("IMAGE", lambda each: each["image"]),
    ("NETWORKS", lambda each: " ".join(each["networks"])),
    ("WHY", lambda each: each["reason"]),
]

_INSTANCE_COLUMNS: list[terminal.Column] = [
    ("REPLICA", lambda each: each["id"]),
    ("STATE", lambda each: _styled(each["state"])),
    ("HEALTH", lambda each: _styled(each["health"])),
    ("SINCE", lambda each: terminal.moment(each["started_at"])),
    ("RESTARTS", lambda each: each["restarts"]),
    ("WHY", lambda each: each["reason"] or (each["last_exit"] and _exit(each["last_exit"]))),
]


def _exit(last: Json) -> str:
    return f"ended with {last['code']}" + (f": {last['trap']}" if last["trap"] else "")


def show_service(service: Json) -> None:
    """One service with its replicas."""
    terminal.say("service ", (service["name"], "bold"), "  ", service["id"], "  ", _state(service))  # type: ignore[arg-type]
    memory, cpu = service["resources"]["memory"], service["resources"]["cpu"]
    shown = {
        "image": service["image"],
        "type": service["type"] and f"{service['type']} ({service['abi']})",
        "networks": " ".join(service["networks"]),
        "ports": " ".join(f"{each['host']}:{each['container']}" for each in service["ports"]),
        "memory": f"{memory['usage']} (limit {memory['limit']} a replica)",
        "cpu": f"{cpu['usage']} (limit {cpu['limit']} a replica)",
        "revision": service["revision"],
        "why": service["reason"],
    }
    terminal.show_fields({key: value for key, value in shown.items() if value})
    terminal.show_rows(service["replicas"]["instances"], _INSTANCE_COLUMNS, as_json=False, empty="No replica runs.")


def show_stats(stats: Json) -> None:
    """What it uses, in one line."""
    found = stats["stats"]
    cpu, memory, network, requests = found["cpu"], found["memory"], found["network"], found["requests"]
    terminal.say(
        f"{terminal.moment(stats['timestamp'])}  cpu {cpu['usage']:.2f}/{cpu['limit']:g} ({cpu['percentage']}%)"
        f"  memory {print_bytes(memory['usage'])}/{print_bytes(memory['limit'])} ({memory['percentage']}%)"
        f"  in {print_bytes(network['rx_bytes'])}  out {print_bytes(network['tx_bytes'])}"
        f"  requests {requests['total']} ({requests['rate']}/s)"
    )

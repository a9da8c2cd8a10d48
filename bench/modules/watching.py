"""A thousand cameras, each looked at once a minute: CPU and memory of the server, and how soon an event has its effect.

The latency is counted from the camera's own answer that shows the change to the arrival of a Connection's webhook.
"""

import statistics
import time
import urllib.request
from collections.abc import Callable

import psutil
import yaml

from bench.modules.farm_process import farm
from bench.server import Server, server
from bench.void import Void

CONTROLLERS, CAMERAS = 100, 10
POLL_SECONDS = 60
SECONDS = 60.0
DARK = 60
READY_SECONDS = 180.0
SETTLE_SECONDS = 5.0

HOOK = """
name: dark
source_event: device.status.changed
conditions:
  - {field: trigger.data.new_status, operator: eq, value: offline}
steps:
  - operation_id: fabric.webhook
    params: {url: "%s/hook", payload: {camera: "{{trigger.device_id}}"}}
"""


def measure(progress: Callable[[str], None]) -> dict[str, float | int | str]:
    """`poll_cpu_percent`: share of one core over a minute; `idle_cpu_percent`: the same server without controllers."""
    with farm() as cameras, server({"FABRIC_WEBHOOK_ALLOWED_HOSTS": "127.0.0.1"}) as running:
        time.sleep(SETTLE_SECONDS)
        idle = _cpu_percent(running, SECONDS / 4)
        progress(f"no controllers: {idle:.2f} % of a core")
        _populate(running, cameras)
        _known(running)
        progress(f"{CONTROLLERS * CAMERAS} cameras are known")
        percent = _cpu_percent(running, SECONDS)
        pss = _pss(running)
        progress(f"polling: {percent:.2f} % of a core, {pss:.0f} MiB")
        latencies = _latencies(cameras)
    return {
        "devices": CONTROLLERS * CAMERAS,
        "poll_seconds": POLL_SECONDS,
        "poll_cpu_percent": round(percent, 2),
        "idle_cpu_percent": round(idle, 2),
        "pss_mib": round(pss, 1),
        "event_latency_ms": round(statistics.median(latencies), 1),
        "event_latency_worst_ms": round(max(latencies), 1),
    }


def _populate(running: Server, farm: str) -> None:
    (site,) = running.call("GET", "sites")["items"]
    for number in range(CONTROLLERS):
        names = [f"cam-{number * CAMERAS + each}" for each in range(CAMERAS)]
        body = {
            "site_id": site["id"],
            "name": f"recorder-{number}",
            "driver": "http",
            "settings": {
                "address": farm,
                "poll_seconds": POLL_SECONDS,
                "cameras": {name: {"path": f"/{name}.jpg"} for name in names},
            },
        }
        running.call("POST", "controllers", body)
    running.call("POST", "connections", yaml.safe_load(HOOK % farm))


def _known(running: Server) -> None:
    """Wait until every camera was discovered: the first looks are spread over a minute."""
    until = time.perf_counter() + READY_SECONDS
    while time.perf_counter() < until:
        with urllib.request.urlopen(f"{running.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = [line for line in text.splitlines() if line.startswith("fabric_events_total") and "discovered" in line]
        if sum(float(line.split()[-1]) for line in found) >= CONTROLLERS * CAMERAS:
            return
        time.sleep(1)
    raise Void("not all cameras were discovered")


def _cpu_percent(running: Server, seconds: float) -> float:
    tree = _tree(running)
    began, before = time.perf_counter(), sum(sum(each.cpu_times()[:2]) for each in tree)
    time.sleep(seconds)
    return (sum(sum(each.cpu_times()[:2]) for each in tree) - before) / (time.perf_counter() - began) * 100


def _pss(running: Server) -> float:
    return sum(float(each.memory_full_info().pss) for each in _tree(running)) / 2**20


def _tree(running: Server) -> list[psutil.Process]:
    if running.process is None:
        raise Void("the server is gone")
    root = psutil.Process(running.process.pid)
    return [root, *root.children(recursive=True)]


def _latencies(farm: str) -> list[float]:
    """Milliseconds from the answer that shows a camera dark to the webhook."""
    names = [f"cam-{number * CONTROLLERS * CAMERAS // DARK}" for number in range(DARK)]
    for name in names:
        urllib.request.urlopen(f"{farm}/dark/{name}", data=b"", timeout=10).close()
    until = time.perf_counter() + 2.5 * POLL_SECONDS
    waiting = dict.fromkeys(names, 0.0)
    while time.perf_counter() < until and not all(waiting.values()):
        for name in [name for name, came in waiting.items() if not came]:
            waiting[name] = _moment(f"{farm}/came/{name}")
        time.sleep(0.5)
    if not all(waiting.values()):
        raise Void(f"{sum(not came for came in waiting.values())} cameras went dark unnoticed")
    return [(came - _moment(f"{farm}/told/{name}")) * 1000 for name, came in waiting.items()]


def _moment(url: str) -> float:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return float(answer.read())

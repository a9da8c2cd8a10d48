"""What the S3 peer runs under the system's own Python, which has Swift: `swift_program.py FOLDER`.

The four servers of Swift (proxy, account, container, object), one replica, in one process: its daemons start four.
Prints `ready PORT` of the proxy, and ends when its standard input does.
"""

import os
import sys
import threading
from pathlib import Path

# What follows is found by the system's own Python alone.
import eventlet  # type: ignore[import-not-found]

eventlet.monkey_patch(thread=False)

import eventlet.wsgi  # type: ignore[import-not-found] # noqa: E402 - only after monkey_patch
from swift.common.ring import RingBuilder  # type: ignore[import-not-found] # noqa: E402
from swift.common.wsgi import SwiftHttpProtocol, loadapp  # type: ignore[import-not-found] # noqa: E402

KINDS = ("account", "container", "object")
STORAGE = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
[app:main]
use = egg:swift#{kind}
"""
PROXY = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_stranger = stranger
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:9
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""


def main(folder: Path) -> None:
    """Serve until standard input ends."""
    (folder / "devices/d1").mkdir(parents=True)
    sockets = {kind: eventlet.listen(("127.0.0.1", 0)) for kind in (*KINDS, "proxy")}
    for kind in KINDS:
        _ring(folder, kind, sockets[kind].getsockname()[1])
    # Storage first: the proxy asks it as soon as it is asked.
    for kind, listener in sockets.items():
        config = folder / f"{kind}.conf"
        config.write_text((PROXY if kind == "proxy" else STORAGE).format(folder=folder, kind=kind))
        app = loadapp(str(config), global_conf={"log_name": kind})
        eventlet.spawn(eventlet.wsgi.server, listener, app, log_output=False, protocol=SwiftHttpProtocol)
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print(f"ready {sockets['proxy'].getsockname()[1]}", flush=True)
    while True:
        eventlet.sleep(60)


def _ring(folder: Path, kind: str, port: int) -> None:
    builder = RingBuilder(3, 1, 1)
    builder.add_dev(
        {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1",
         "replication_port": port, "device": "d1", "weight": 100.0, "meta": ""}
    )  # fmt: skip
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Installs the Debian packages that tests and benches use, where they are absent and we may: all, or those named."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

WANTED = {
    "redis-server": "redis-server=5:7.0.15-*",
    "wrk": "wrk=4.1.0-*",
    "docker-registry": "docker-registry=2.8.2+ds1-*",
    "jq": "jq=1.6-*",
    "node": "nodejs",
    "npm": "npm",
}
"""Program to package, pinned to the version the facts of this project were measured with.

Node is what the machine's own sources have: what it runs here is pinned by package-lock.json.
"""


def main(names: Iterable[str] = ()) -> int:
    """0 where every program is there in the end, 1 with what is missing."""
    missing = [program for program in names or WANTED if shutil.which(program) is None]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"missing and not installable here: {', '.join(missing)}; install them and try again", file=sys.stderr)
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    print(f"packages: installing {', '.join(missing)} …", flush=True)
    subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
    packages = [WANTED[program] for program in missing]
    subprocess.run(
        ["apt-get", "-qq", "install", "-y", *packages], check=True, env=environment, stdout=subprocess.DEVNULL
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

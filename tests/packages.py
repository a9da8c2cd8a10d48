"""Installs the Debian packages that tests and benches use, where they are absent and we may: all, or those named.

`--modules` installs what the drivers are built with and tested against.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

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

MODULES = {
    "gcc": "gcc",
    "pkg-config": "pkg-config=1.8.1-*",
    "/usr/include/libvirt/libvirt.h": "libvirt-dev=9.0.0-*",
    "libvirtd": "libvirt-daemon=9.0.0-*",
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so": "libvirt-daemon-driver-qemu=9.0.0-*",
    "virsh": "libvirt-clients=9.0.0-*",
    "qemu-system-x86_64": "qemu-system-x86=1:7.2+dfsg-*",
    "qemu-img": "qemu-utils=1:7.2+dfsg-*",
    "saslpasswd2": "sasl2-bin=2.1.28+dfsg-*",
    "/usr/lib/x86_64-linux-gnu/sasl2/libscram.so": "libsasl2-modules=2.1.28+dfsg-*",
    "/usr/sbin/sshd": "openssh-server=1:9.2p1-*",
    "/bin/nc.openbsd": "netcat-openbsd=1.219-*",
    "ip": "iproute2=6.1.0-*",
    "snmpd": "snmpd=5.9.3+dfsg-*",
    "kamailio": "kamailio=5.6.3-*",
    "/usr/share/doc/kamailio-tls-modules/copyright": "kamailio-tls-modules=5.6.3-*",
    "sipp": "sip-tester=1:3.6.1-*",
    "mkfs.ext4": "e2fsprogs=1.47.0-*",
    "losetup": "mount=2.38.1-*",
    "mkfs.btrfs": "btrfs-progs=6.2-*",
    "swift-proxy-server": "swift-proxy=2.30.1-*",
    "swift-account-server": "swift-account=2.30.1-*",
    "swift-container-server": "swift-container=2.30.1-*",
    "swift-object-server": "swift-object=2.30.1-*",
    "nft": "nftables=1.0.6-*",
    "ulogd": "ulogd2=2.0.8-*",
    "/usr/lib/x86_64-linux-gnu/ulogd/ulogd_output_JSON.so": "ulogd2-json=2.0.8-*",
    "/usr/share/doc/python3-gi/copyright": "python3-gi=3.42.2-*",
    "/usr/share/doc/gir1.2-gst-rtsp-server-1.0/copyright": "gir1.2-gst-rtsp-server-1.0=1.22.0-*",
    "/usr/share/doc/gstreamer1.0-plugins-base/copyright": "gstreamer1.0-plugins-base=1.22.0-*",
    "/usr/share/doc/gstreamer1.0-plugins-good/copyright": "gstreamer1.0-plugins-good=1.22.0-*",
    "/usr/share/doc/gstreamer1.0-plugins-ugly/copyright": "gstreamer1.0-plugins-ugly=1.22.0-*",
}
"""The same for the drivers; a path stands for a package that brings no program of its own."""


def main(names: Iterable[str] = ()) -> int:
    """0 where everything is there in the end, 1 with what is missing."""
    if "--modules" in names:
        return install(MODULES, MODULES)
    return install(WANTED, names or WANTED)


def install(packages: Mapping[str, str], names: Iterable[str]) -> int:
    """Install what is absent of `names`, and no service is started by it. 0, or 1 with what is missing."""
    missing = [name for name in names if not _present(name)]
    if not missing:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"missing and not installable here: {', '.join(missing)}; install them and try again", file=sys.stderr)
        return 1
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    print(f"packages: installing {', '.join(missing)} …", flush=True)
    subprocess.run(["apt-get", "-qq", "update"], check=True, env=environment)
    command = ["apt-get", "-qq", "install", "-y", "--no-install-recommends", *(packages[each] for each in missing)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return 0


def _present(name: str) -> bool:
    return Path(name).exists() if name.startswith("/") else shutil.which(name) is not None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

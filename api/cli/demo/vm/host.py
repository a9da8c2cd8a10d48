"""The demo's host: a libvirtd of its own for QEMU machines under software emulation, all of it below one folder."""

import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from api.cli.demo.vm.guest import SAYS_UP, write_disk
from catalog.errors import Unavailable, Unsupported

START_SECONDS = 20.0
PROGRAMS = {
    "libvirtd": "libvirt-daemon libvirt-daemon-driver-qemu",
    "virsh": "libvirt-clients",
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
}
"""What it takes, and the Debian packages that bring it."""

_DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/><tcg><tb-cache unit='MiB'>32</tb-cache></tcg></features>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='{format}'/><source file='{disk}'/><target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/><memballoon model='none'/>
    <serial type='file'><source path='{console}'/></serial>
  </devices>
</domain>"""


def lacking() -> list[str]:
    """The Debian packages to install before a host can be started."""
    # libvirtd is where only root looks.
    places = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
    return [packages for program, packages in PROGRAMS.items() if shutil.which(program, path=places) is None]


class Host:
    """libvirtd as one user's own, which needs neither root nor a real hypervisor. `folder` must have a short path.

    `listening` is what its configuration says of ports; empty: it listens on none.
    """

    def __init__(self, folder: Path, *, listening: str = "") -> None:
        self._folder = folder
        self._listening = listening
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = folder / "run/libvirt/libvirt-sock"
        self.uri = f"qemu+unix:///session?socket={self.socket}"

    @property
    def pid(self) -> int | None:
        """libvirtd's process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start libvirtd and wait until it answers. Raises Unsupported DEMO_LACKS, Unavailable DEMO_HOST."""
        if missing := lacking():
            names = " ".join(missing)
            raise Unsupported(
                "DEMO_LACKS", f"This needs {names}.", hint=f"apt-get install --no-install-recommends {names}"
            )
        (self._folder / "run").mkdir(mode=0o700, exist_ok=True)
        config = self._folder / "config/libvirt/qemu.conf"
        config.parent.mkdir(parents=True, exist_ok=True)
        # Consoles are written by QEMU itself: one process fewer.
        config.write_text('stdio_handler = "file"\n')
        config.with_name("libvirtd.conf").write_text(self._listening)
        command = ["libvirtd", *(["--listen"] if self._listening else [])]
        # A libvirtd that is root's is the machine's own. In a user namespace root is somebody else, for this process.
        prefix = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
        with (self._folder / "libvirtd.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, its arguments are our own
                [*prefix, *command], env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait()

    def stop(self) -> None:
        """End its machines, then libvirtd. Leaves nothing behind, whatever happened."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for file in (self._folder / "run/libvirt/qemu/run").glob("*.pid"):
            _kill(file)

    def add(self, name: str, *, format: str = "qcow2") -> str:
        """Define a machine and start it; its UUID."""
        raw, disk = self._folder / f"{name}.raw", self._folder / f"{name}.{format}"
        write_disk(raw)
        if format != "raw":
            _run(["qemu-img", "convert", "-O", format, str(raw), str(disk)])
        made = str(uuid.uuid4())
        description = self._folder / f"{name}.xml"
        emulator = shutil.which("qemu-system-x86_64")
        console = self.console(name)
        description.write_text(
            _DOMAIN.format(name=name, uuid=made, emulator=emulator, format=format, disk=disk, console=console)
        )
        self.virsh("define", str(description))
        self.virsh("start", name)
        return made

    def remove(self, name: str) -> None:
        """Power a machine off and forget it with its snapshots; its files stay."""
        if name in self.virsh("list", "--name").split():
            self.virsh("destroy", name)
        self.virsh("undefine", name, "--snapshots-metadata")

    def console(self, name: str) -> Path:
        """What the machine has written since it was last powered on."""
        return self._folder / f"{name}.console"

    def starts(self, name: str) -> int:
        """How often its guest has said that it is up since it was last powered on."""
        console = self.console(name)
        return console.read_text().count(SAYS_UP) if console.exists() else 0

    def kill(self, name: str) -> None:
        """End a machine's QEMU process, as a crash of it would."""
        _kill(self._folder / f"run/libvirt/qemu/run/{name}.pid")

    def virsh(self, *words: str) -> str:
        """What libvirt's own command line says. Raises Unavailable DEMO_HOST."""
        return _run(["virsh", "-q", "-c", self.uri, *words])

    def environment(self) -> dict[str, str]:
        """What libvirtd is started with: every place that it uses is below the folder."""
        places = {
            "HOME": self._folder,
            "XDG_RUNTIME_DIR": self._folder / "run",
            "XDG_CONFIG_HOME": self._folder / "config",
            "XDG_CACHE_HOME": self._folder / "cache",
            "XDG_DATA_HOME": self._folder / "data",
        }
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"
        return {"PATH": path, **{name: str(place) for name, place in places.items()}}

    def _wait(self) -> None:
        began = time.monotonic()
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() - began > START_SECONDS:
                log = (self._folder / "libvirtd.log").read_text(errors="replace")[-2000:]
                raise Unavailable("DEMO_HOST", "The demo's libvirtd does not start.", hint=log)
            time.sleep(0.02)

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        asked = subprocess.run(["virsh", "-q", "-c", self.uri, "uri"], capture_output=True, check=False)  # noqa: S603, S607
        return asked.returncode == 0


def _kill(pid_file: Path) -> None:
    try:
        os.kill(int(pid_file.read_text()), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        raise Unavailable("DEMO_HOST", f"`{' '.join(command[:1] + command[4:])}` fails.", hint=done.stderr.strip())
    return done.stdout

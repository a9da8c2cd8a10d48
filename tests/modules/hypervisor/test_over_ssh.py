"""The driver `libvirt` through a real OpenSSH server, as another machine is usually reached."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from catalog.errors import FabricError
from catalog.jsonvalue import Json
from catalog.provider import Ports, Target
from tests.modules.asking import ask, controller
from tests.modules.hypervisor.changing import apply, plan
from tests.modules.peers import libvirtd, sshd
from tests.modules.peers.libvirtd import Libvirtd
from tests.modules.peers.sshd import Sshd

pytestmark = pytest.mark.xdist_group("libvirtd")


@pytest.fixture(scope="module")
def server(host: Libvirtd) -> Iterator[Sshd]:
    """One for all of these. In CI it must be possible; on a laptop without it is skipped."""
    if not Path("/usr/sbin/sshd").exists() and "CI" not in os.environ:
        pytest.skip("install openssh-server")
    with tempfile.TemporaryDirectory(prefix="fab-") as folder, Sshd(Path(folder)).running() as made:
        yield made


def _through(server: Sshd, host: Libvirtd, **other: str) -> Target:
    settings: dict[str, Json] = {
        "uri": f"qemu+ssh://{server.user}@127.0.0.1:{server.port}/session",
        "socket": str(host.socket),
        "host_key": other.get("host_key", server.host_key),
    }
    return controller("libvirt", settings, {"private_key": other.get("private_key", server.private_key)})


async def _refusal(target: Target, real: Ports) -> FabricError:
    with pytest.raises(FabricError) as told:
        await ask("hypervisor.vm.list", target, real)
    return told.value


@pytest.mark.covers("hypervisor.vm.get", driver="libvirt", peer="libvirtd through sshd")
@pytest.mark.covers("hypervisor.vm.snapshot", driver="libvirt", peer="libvirtd through sshd")
async def test_a_machine_far_away_is_looked_at_and_kept(
    server: Sshd, host: Libvirtd, real: Ports, record_property: Callable[[str, object], None]
) -> None:
    record_property("peer_version", f"{libvirtd.VERSION}, {sshd.VERSION}")
    vm_id = host.add("remote")
    target = _through(server, host)
    assert (await ask("hypervisor.vm.get", target, real, vm_id="remote"))["vm_id"] == vm_id
    change = await plan("hypervisor.vm.snapshot", target, real, vm_id="remote", label="far", include_memory=True)
    assert (await apply("hypervisor.vm.snapshot", change, target, real))["taken"] is True
    assert host.virsh("snapshot-list", "remote", "--name").split() == ["far"]
    host.kill("remote")


async def test_another_host_key_is_another_host(server: Sshd, host: Libvirtd, real: Ports) -> None:
    error = await _refusal(_through(server, host, host_key=server.user_key), real)
    assert (error.code, error.hint) == ("TARGET_UNREACHABLE", "Set `host_key` to what `ssh-keyscan` prints.")


async def test_a_key_that_nobody_knows_is_not_let_in(server: Sshd, host: Libvirtd, real: Ports, tmp_path: Path) -> None:
    stranger = Sshd(tmp_path)
    error = await _refusal(_through(server, host, private_key=stranger.private_key), real)
    assert error.code == "TARGET_AUTH_FAILED"
    assert "does not take the key" in error.message
    error = await _refusal(_through(server, host, private_key="no key at all"), real)
    assert error.code == "TARGET_AUTH_FAILED"


def held() -> list[str]:
    """The files without a disk that this process has given to ssh."""
    opened = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [each.name for each in opened if each.name.startswith("memfd:ssh")]


async def test_the_private_key_is_on_no_disk_and_in_no_command(server: Sshd, host: Libvirtd, real: Ports) -> None:
    await ask("hypervisor.vm.list", _through(server, host), real)
    (process,) = [each for each in psutil.Process().children() if each.name() == "ssh"]
    assert len(held()) == 2
    for said in (process.cmdline(), process.environ().values()):
        assert server.private_key.splitlines()[1] not in " ".join(said)
    await real.residents.shut()
    assert held() == []
    process.wait(5)


async def test_where_libvirts_socket_is_usual_its_own_program_is_asked_for(
    host: Libvirtd, real: Ports, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    instead = f'printf %s "$SSH_ORIGINAL_COMMAND" > {asked}; exec nc -U {host.socket}'
    with Sshd(tmp_path).running(forced=instead) as server:
        settings = {"uri": f"qemu+ssh://{server.user}@127.0.0.1:{server.port}/session", "host_key": server.host_key}
        target = controller("libvirt", settings, {"private_key": server.private_key})
        await ask("hypervisor.vm.list", target, real)
    assert asked.read_text() == "virt-ssh-helper qemu:///session"

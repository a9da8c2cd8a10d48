"""The control socket: its mode, its owner, whom it answers, and what lay there before."""

import grp
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from api.daemon.peers import Peers
from api.daemon.pidfile import PidFile, running_pid
from api.daemon.socket import PATH_MOST, answers, bind_control, connect_control, remove_control
from catalog.errors import Unavailable
from tests.api.daemon.hosted import Hosted, hosted

NOBODY = 65534
ASK = """
import os, socket, sys
uid, groups = int(sys.argv[2]), [int(each) for each in sys.argv[3:]]
os.setgroups(groups)
os.setgid(uid)
os.setuid(uid)
made = socket.socket(socket.AF_UNIX)
made.settimeout(10)
try:
    made.connect(sys.argv[1])
    made.sendall(b"GET /v1/daemon/info HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
    print(made.recv(12).decode() or "closed")
except PermissionError:
    print("permission")
except ConnectionError:
    print("closed")
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


def asked_by(path: Path, uid: int, *groups: int) -> str:
    """What a process of that user and those groups gets."""
    command = [sys.executable, "-c", ASK, str(path), str(uid), *map(str, groups)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


@pytest.mark.reference("says Security Model: srw-rw---- *", "heading Security Model")
def test_it_is_for_owner_and_group_in_a_directory_for_owner_and_group(folder: Path) -> None:
    path = folder / "made" / "fabricks.sock"
    with bind_control(path):
        assert stat.filemode(path.lstat().st_mode) == "srw-rw----"
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_a_directory_that_was_there_keeps_its_mode(folder: Path) -> None:
    folder.chmod(0o755)
    with bind_control(folder / "fabricks.sock"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.promise("P5")
@as_root
def test_another_user_is_not_answered_even_where_the_mode_would_let_him(daemon: Hosted) -> None:
    for each in (daemon.folder, daemon.socket.parent):
        each.chmod(0o755)
    assert asked_by(daemon.socket, NOBODY) == "permission"
    daemon.socket.chmod(0o666)
    try:
        assert asked_by(daemon.socket, NOBODY) == "closed"
        assert asked_by(daemon.socket, 0) == "HTTP/1.1 200"
    finally:
        daemon.socket.chmod(0o660)
        daemon.folder.chmod(0o700)


@pytest.mark.reference("says Security Model: sudo usermod *", "setting security.default_user")
@pytest.mark.promise("P5")
@as_root
def test_a_member_of_the_sockets_group_is_answered(folder: Path) -> None:
    folder.chmod(0o755)
    group = grp.getgrnam("games").gr_gid
    with hosted(folder, security__default_user="games") as daemon:
        assert daemon.socket.stat().st_gid == group
        assert asked_by(daemon.socket, NOBODY, 1, group) == "HTTP/1.1 200"
        assert asked_by(daemon.socket, NOBODY, group + 1) == "permission"


def test_a_peer_whom_the_kernel_does_not_tell_of_is_nobody() -> None:
    with socket.socket(socket.AF_INET) as elsewhere:
        assert not Peers(uid=os.geteuid(), gid=os.getegid()).admits(elsewhere)


@as_root
def test_peers_are_known_by_what_the_kernel_says(folder: Path) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert Peers(uid=12345, gid=23456).admits(ours)  # root may always
        path = folder / "fabricks.sock"
        with bind_control(path):
            assert Peers.of(path) == Peers(uid=os.geteuid(), gid=os.getegid())


def test_a_socket_that_nobody_answers_is_taken_over(folder: Path) -> None:
    path = folder / "fabricks.sock"
    bind_control(path).close()
    assert path.exists()
    assert not answers(path)
    with bind_control(path):
        assert answers(path)


def test_a_daemon_that_answers_is_not_pushed_aside(folder: Path) -> None:
    path = folder / "fabricks.sock"
    with bind_control(path), pytest.raises(Unavailable) as caught:
        bind_control(path)
    assert caught.value.code == "DAEMON_RUNNING"


@pytest.mark.parametrize("what", ["file", "folder", "link"])
def test_what_is_no_socket_is_left_where_it_is(folder: Path, what: str) -> None:
    path = folder / "fabricks.sock"
    if what == "file":
        path.write_text("mine")
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(folder / "elsewhere")
    with pytest.raises(Unavailable) as caught:
        bind_control(path)
    assert caught.value.code == "SOCKET_UNUSABLE"
    assert path.is_symlink() or path.exists()


def test_a_path_longer_than_an_address_works_all_the_same(folder: Path) -> None:
    path = folder / ("x" * PATH_MOST) / "fabricks.sock"
    with bind_control(path):
        assert stat.filemode(path.lstat().st_mode) == "srw-rw----"
        connect_control(path, 5.0).close()


def test_only_our_own_socket_is_removed(folder: Path) -> None:
    path = folder / "fabricks.sock"
    with bind_control(path):
        inode = path.lstat().st_ino
        remove_control(path, inode + 1)
        assert path.exists()
        remove_control(path, inode)
        assert not path.exists()


def test_two_daemons_do_not_share_a_pid_file(folder: Path) -> None:
    path = folder / "fabricks.pid"
    first = PidFile(path)
    first.take()
    assert running_pid(path) == os.getpid() == int(path.read_text())
    with pytest.raises(Unavailable) as caught:
        PidFile(path).take()
    assert str(os.getpid()) in caught.value.message
    first.release()
    assert running_pid(path) is None
    assert not path.exists()


def test_a_pid_file_that_a_killed_daemon_left_is_taken_over(folder: Path) -> None:
    path = folder / "fabricks.pid"
    path.write_text("99999999\n")
    assert running_pid(path) is None
    again = PidFile(path)
    again.take()
    assert running_pid(path) == os.getpid()
    again.release()


@pytest.mark.reference(
    "setting daemon.socket",
    "setting daemon.pid_file",
    "says Overview: Socket-based *",
    "says API Server: Listens on Unix socket",
)
def test_a_stopped_daemon_leaves_neither_socket_nor_pid_file(folder: Path) -> None:
    with hosted(folder) as daemon:
        path, pid = daemon.socket, daemon.daemon.config.daemon.pid_file
        assert path.exists()
        assert running_pid(pid) == os.getpid()
    assert not path.exists()
    assert not pid.exists()
    with hosted(folder) as daemon:
        assert daemon.get("/daemon/info")["config"]["socket"] == str(path)

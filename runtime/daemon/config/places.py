"""Places: where files lie that nobody has named.

root                 /var/run, /var/lib, /var/log, /etc, as the sample file has them
others               ~/.fabricks; data in ~/.local/share/fabricks
FABRIC_DATA_DIR set  all of it there: one directory holds both halves of the server
"""

import os
from collections.abc import Mapping
from pathlib import Path

SYSTEM_FILE = Path("/etc/fabricksd/config.toml")

SYSTEM = {
    "daemon.socket": Path("/var/run/fabricks.sock"),
    "daemon.log_file": Path("/var/log/fabricksd.log"),
    "daemon.data_dir": Path("/var/lib/fabricksd"),
    "storage.volume_base_path": Path("/var/lib/fabricks/volumes"),
    "policy.policy_dir": Path("/etc/fabricksd/policies"),
}


def home(environment: Mapping[str, str]) -> Path:
    """The home of whoever the environment belongs to."""
    given = environment.get("HOME")
    return Path(given) if given else Path.home()


def config_file(environment: Mapping[str, str]) -> Path | None:
    """The file that is read when nobody names one: the system's, or the user's, or none."""
    found = (each for each in (SYSTEM_FILE, home(environment) / ".fabricks/daemon.toml") if each.is_file())
    return next(found, None)


def unnamed(named: Mapping[str, Path], environment: Mapping[str, str], user: int | None = None) -> dict[str, Path]:
    """The places of all settings that are places, where `named` does not have them. `user` is for tests.

    Volumes follow a data directory that was named, and the PID file lies beside the socket.
    """
    places = _begin(environment, os.geteuid() if user is None else user)
    data = named.get("daemon.data_dir")
    if data is not None and data != places["daemon.data_dir"]:
        places["storage.volume_base_path"] = data / "volumes"
    places |= named
    socket = places["daemon.socket"]
    return {"daemon.pid_file": socket.with_name(f"{socket.name.removesuffix('.sock')}.pid")} | places


def _begin(environment: Mapping[str, str], user: int) -> dict[str, Path]:
    shared = environment.get("FABRIC_DATA_DIR")
    if shared:
        folder = Path(shared).expanduser().absolute()
        return {
            "daemon.socket": folder / "fabricks.sock",
            "daemon.log_file": folder / "fabricksd.log",
            "daemon.data_dir": folder / "services",
            "runtime.build_cache_dir": folder / "services/cache",
            "storage.volume_base_path": folder / "services/volumes",
            "policy.policy_dir": folder / "policies",
        }
    own = home(environment) / ".fabricks"
    if user == 0:
        return {**SYSTEM, "runtime.build_cache_dir": own / "cache"}
    data = home(environment) / ".local/share/fabricks"
    return {
        "daemon.socket": own / "fabricks.sock",
        "daemon.log_file": own / "fabricksd.log",
        "daemon.data_dir": data,
        "runtime.build_cache_dir": own / "cache",
        "storage.volume_base_path": data / "volumes",
        "policy.policy_dir": own / "policies",
    }

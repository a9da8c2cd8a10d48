"""What a configuration asks for and does not get on this system; said at start, never passed over."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from runtime.daemon.config.settings import DaemonConfig

_SPEED = {"--opt-level": ("2", "speed"), "--cranelift-opt-level": ("speed",)}
SYSLOG = Path("/dev/log")


def service_user(config: DaemonConfig) -> str | None:
    """The user that services run as; None: the daemon's own, because only root can choose and only one that exists."""
    user = config.security.default_user
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(user)
    except KeyError:
        return None
    return user


def service_owner(config: DaemonConfig) -> tuple[int, int] | None:
    """The numbers of that user and its group, to whom volumes belong; None: the daemon's own."""
    user = service_user(config)
    found = None if user is None else pwd.getpwnam(user)
    return None if found is None else (found.pw_uid, found.pw_gid)


def not_honoured(config: DaemonConfig) -> list[str]:
    """A sentence for each setting that is not carried out as it stands, with what happens instead."""
    parts = (_runtime, _security, _networking, _storage, _logging)
    return [sentence for each in parts for sentence in each(config)]


def _runtime(config: DaemonConfig) -> Iterator[str]:
    if config.runtime.default_engine != "wasmtime":
        yield f"`default_engine` is `{config.runtime.default_engine}`, which is not built in; modules run in wasmtime."
    for flag in config.runtime.engine_flags:
        name, _, value = flag.partition("=")
        if value not in _SPEED.get(name, ()):
            yield (
                f"`engine_flags` has `{flag}`, which is left out; modules are compiled for speed, "
                "as `--opt-level=2` and `--cranelift-opt-level=speed` say."
            )


def _security(config: DaemonConfig) -> Iterator[str]:
    security = config.security
    if security.enable_mandatory_access_control:
        yield (
            "`enable_mandatory_access_control`: no AppArmor or SELinux profile is loaded; guests are held by "
            "WebAssembly, by their grants, and by what `enable_seccomp` puts on their workers."
        )
    if service_user(config) is None:
        me = _user_name()
        why = "only root can choose another" if os.geteuid() != 0 else "there is no such user here"
        if me != security.default_user:
            yield f"`default_user` is `{security.default_user}`, but {why}; services run as `{me}`."


def _networking(config: DaemonConfig) -> Iterator[str]:
    yield (
        f"`default_driver` is `{config.networking.default_driver}`; no network namespace is made: guests have no "
        "sockets at all, and the daemon carries what their networks permit."
    )
    yield (
        f"`dns_server` is `{config.networking.dns_server}`; names that services ask for are resolved by this "
        "system's own resolver."
    )


def _storage(config: DaemonConfig) -> Iterator[str]:
    if config.storage.default_volume_driver != "local":
        yield (
            f"`default_volume_driver` is `{config.storage.default_volume_driver}`, which is not built in; volumes are "
            f"directories below `{config.storage.volume_base_path}`, which may itself be a mount."
        )
    if config.storage.volume_encryption and config.volume_key is None:
        yield "`volume_encryption` is on, but FABRICKS_VOLUME_KEY is not set; new volumes are refused."


def _logging(config: DaemonConfig) -> Iterator[str]:
    if config.daemon.log_output == "syslog" and not SYSLOG.exists():
        yield f"`log_output` is `syslog`, but there is no `{SYSLOG}`; the log goes to stderr."


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())

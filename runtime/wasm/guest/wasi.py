"""What WASI shows a guest: its arguments, its environment, its mounts, and three streams."""

from collections.abc import Iterable, Mapping, Sequence

import wasmtime

from runtime.wasm.launch import Launch, Mount


def configure(
    *,
    argv: Sequence[str],
    environment: Mapping[str, str],
    mounts: Iterable[Mount],
    stdin: str | None,
    stdout: str,
    stderr: str,
) -> wasmtime.WasiConfig:
    """A configuration with nothing else in it. Streams are paths; without `stdin` the guest reads nothing.

    Raises wasmtime.WasmtimeError when a mount's directory is not there.
    """
    config = wasmtime.WasiConfig()
    config.argv = list(argv)
    config.env = list(environment.items())
    for mount in mounts:
        config.preopen_dir(str(mount.host), mount.guest, mount.writable)
    if stdin is not None:
        config.stdin_file = stdin
    config.stdout_file = stdout
    config.stderr_file = stderr
    return config


def launched(launch: Launch, *, stdin: str | None, stdout: str, stderr: str) -> wasmtime.WasiConfig:
    """As the launch says."""
    return configure(
        argv=launch.argv or (launch.service,),
        environment=launch.environment,
        mounts=launch.mounts,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
    )

"""The `local` driver: a storage controller that is a directory of this machine."""

from pathlib import Path

from catalog.errors import Unsupported
from catalog.provider import Call, Target
from runtime.providers.storage.folder import Folder, no_directory

DRIVER = "local"


def local_directory(call: Call) -> Path:
    """The directory of the call's target. Raises Unsupported DRIVER_MISSING, TargetFailed STORAGE_DIRECTORY."""
    target = _target(call)
    if target.driver != DRIVER:
        raise Unsupported(
            "DRIVER_MISSING",
            f"No storage driver `{target.driver[:40]}` is installed.",
            hint="A controller with driver `local` and `settings.directory` stores into a folder.",
        )
    directory = target.settings.get("directory")
    if not isinstance(directory, str) or not Path(directory).is_absolute() or "\x00" in directory:
        raise no_directory("is not an absolute path")
    return Path(directory)


def local_folder(call: Call) -> Folder:
    """The files of the call's target. Raises as `local_directory`."""
    return Folder(local_directory(call))


def _target(call: Call) -> Target:
    if call.target is None:
        raise ValueError(f"`{call.operation_id}` was called without its target")
    return call.target

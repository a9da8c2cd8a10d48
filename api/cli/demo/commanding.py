"""The command line, as a person would use it in a demo."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from catalog.errors import TargetFailed


def fabric(*arguments: str, environment: Mapping[str, str], given: str = "") -> str:
    """Type `fabric ARGUMENTS…` with `given` on standard input; what it says. Raises TargetFailed DEMO_COMMAND."""
    ran = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).with_name("fabric")), *arguments],
        env={**os.environ, **environment},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise TargetFailed(
            "DEMO_COMMAND", f"`fabric {' '.join(arguments[:2])}` fails in the demo.", hint=ran.stderr.strip()
        )
    return ran.stdout

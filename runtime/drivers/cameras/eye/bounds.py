"""What an eye may use, whatever it is sent: it sets these bounds itself before it reads anything."""

import os
import resource

from runtime.wasm.lifeline import die_with_parent

ADDRESS_SPACE = 2 * 1024**3
"""Bytes; a picture of four thousand lines with its references fits, a bomb does not."""

CPU_SECONDS = 3600
"""A watch that has used so much ends and is begun anew; anything shorter is ended by its deadline."""

FILES = 64
NICE = 5


def bind(parent: int) -> None:
    """Bound this process: no file, no core, so much memory and CPU, and no longer than its parent."""
    die_with_parent(parent)
    os.nice(NICE)
    for bound, most in (
        (resource.RLIMIT_AS, ADDRESS_SPACE),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        _, hard = resource.getrlimit(bound)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(bound, (allowed, allowed))

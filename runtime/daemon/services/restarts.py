"""Restarts: what follows when a replica ends by itself. Pure."""

from typing import Literal

import msgspec

from runtime.daemon.spec import RestartPolicy
from runtime.forms.workload import ModuleType

PAUSE_MOST = 300.0
JITTER = 0.1
PROVEN_AFTER = 10.0
"""So many times its `backoff` a replica must run and be healthy for its earlier failures to be forgotten."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the replica; `pause` in seconds before it is started again."""

    state: Literal["backoff", "completed", "failed"]
    pause: float = 0.0


def default_policy(kind: ModuleType) -> RestartPolicy:
    """What holds where neither service nor module says anything."""
    return RestartPolicy(policy="on-failure" if kind == "command" else "always")


def after_end(policy: RestartPolicy, *, good: bool, attempts: int, chance: float) -> Next:
    """What follows an end.

    `good`: it ended by itself with code 0. `attempts`: how often in a row it was started again without proving itself.
    `chance`, between 0 and 1, spreads restarts in time.
    """
    if good and policy.policy != "always":
        return Next(state="completed")
    if policy.policy == "never" or (policy.max_attempts is not None and attempts >= policy.max_attempts):
        return Next(state="failed")
    # 2**32 is over every cap; larger powers would overflow a float for nothing.
    pause = min(PAUSE_MOST, policy.backoff * 2 ** min(attempts, 32))
    return Next(state="backoff", pause=pause * (1 + JITTER * (2 * chance - 1)))

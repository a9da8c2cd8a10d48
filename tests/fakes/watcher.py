"""A watcher of health that says what a test says."""

from collections.abc import Callable

from runtime.daemon.services.records import Health
from runtime.forms.workload import HealthCheck
from runtime.wasm.launch import Replica


class FakeWatching:
    """Implements runtime.daemon.services.parts.Watching."""

    def __init__(self, check: HealthCheck, told: Callable[[Health], None]) -> None:
        self.check = check
        self.told = told
        self.stopped = False

    def stop(self) -> None:
        """See Watching."""
        self.stopped = True


class FakeWatcher:
    """Implements runtime.daemon.services.parts.Watcher; `of` finds who watches an instance."""

    def __init__(self) -> None:
        self.of: dict[str, FakeWatching] = {}

    def watch(
        self, service_id: str, instance: str, replica: Replica, check: HealthCheck, told: Callable[[Health], None]
    ) -> FakeWatching:
        """See Watcher."""
        self.of[instance] = FakeWatching(check, told)
        return self.of[instance]

    def forget(self, service_id: str) -> None:
        """See Watcher."""

"""Statistics: what a service uses now. Taken when somebody asks; nothing is collected in between."""

from runtime.clock import Clock
from runtime.daemon.services.records import Stats
from runtime.daemon.services.supervisor import Supervisor


def stats_of(service: Supervisor, clock: Clock) -> Stats:
    """Limits and usage are those of all running replicas together."""
    counts, route = service.counts, service.route
    replicas = [slot.replica for slot in service.slots if slot.replica is not None]
    total = service.totals.now(replicas)
    many = max(1, counts.running)
    sums = route.meter.sums()
    classes = {f"{number}xx": count for number, count in enumerate(sums.by_class) if number and count}
    return Stats(
        cpu_usage=service.totals.cores(total.cpu_ns, clock.monotonic()),
        cpu_limit=service.cpu_limit * many,
        memory_usage=total.memory,
        memory_peak=total.memory_peak,
        memory_limit=service.memory_limit * many,
        rx_bytes=sums.received,
        tx_bytes=sums.sent,
        requests=sums.requests,
        rate=route.meter.rate(),
        by_class=classes,
        in_flight=route.in_flight,
        queued=len(route.waiting),
        traps=total.traps,
        replicas=counts,
        at_ns=clock.now_ns(),
    )

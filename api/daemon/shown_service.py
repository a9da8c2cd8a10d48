"""A service and its replicas as the services API shows them: the seed's fields, then what this daemon knows besides."""

from api.daemon.times import stamp
from catalog.jsonvalue import Json
from runtime.daemon.services import Counts, Instance, Service, Stats
from runtime.daemon.writing import write_service
from runtime.forms.scalars import print_bytes


def counts_shown(counts: Counts) -> dict[str, Json]:
    """Replicas: desired, running, healthy."""
    return {"desired": counts.desired, "running": counts.running, "healthy": counts.healthy}


def listed(service: Service) -> dict[str, Json]:
    """A row of the list."""
    return {
        "id": service.id,
        "name": service.name,
        "state": service.state,
        "replicas": counts_shown(service.counts),
        "created_at": stamp(service.created_at_ns),
        "updated_at": stamp(service.updated_at_ns),
        "image": service.spec.image,
        "type": service.type,
        "networks": list(service.spec.networks),
        "labels": dict(service.spec.labels),
        **_condition(service),
    }


def shown(service: Service, stats: Stats) -> dict[str, Json]:
    """All of it. `limit` is what one replica may use, as it was asked for; `usage` is that of all together."""
    wanted = write_service(service.spec)
    wanted.pop("replicas", None)
    wanted.pop("resources", None)
    spec, previous = service.spec, service.revisions[-2:-1]
    return {
        "id": service.id,
        "name": service.name,
        "image": spec.image,
        "state": service.state,
        "networks": list(spec.networks),
        "environment": {},
        "ports": [],
        "replicas": {
            **counts_shown(service.counts),
            "min": spec.replicas.min,
            "max": spec.replicas.max,
            "instances": [instance_shown(each) for each in service.instances],
        },
        "resources": {
            "memory": {"limit": print_bytes(service.memory_limit), "usage": print_bytes(stats.memory_usage)},
            "cpu": {"limit": service.cpu_limit, "usage": round(stats.cpu_usage, 3)},
        },
        "created_at": stamp(service.created_at_ns),
        "updated_at": stamp(service.updated_at_ns),
        **wanted,
        "type": service.type,
        "abi": service.abi,
        "health": service.health,
        **_condition(service),
        "revision": service.revision,
        "previous": {"image": previous[0].spec.image, "revision": previous[0].number} if previous else None,
    }


def instance_shown(instance: Instance) -> dict[str, Json]:
    """A replica."""
    last = instance.last_exit
    return {
        "id": instance.id,
        "state": instance.state,
        "health": instance.health,
        "started_at": stamp(instance.started_at_ns),
        "restarts": instance.restarts,
        "revision": instance.revision,
        "reason": instance.reason,
        "pid": instance.pid,
        "last_exit": last and {"code": last.code, "trap": last.trap, "at": stamp(last.at_ns)},
    }


def stats_shown(service: Service, stats: Stats) -> dict[str, Json]:
    """What GET /v1/services/{id}/stats answers; limits are those of all running replicas together."""
    return {
        "id": service.id,
        "stats": {
            "cpu": {
                "usage": round(stats.cpu_usage, 4),
                "limit": stats.cpu_limit,
                "percentage": round(stats.cpu_percentage, 1),
            },
            "memory": {
                "usage": stats.memory_usage,
                "limit": stats.memory_limit,
                "percentage": round(stats.memory_percentage, 1),
                "peak": stats.memory_peak,
            },
            "network": {"rx_bytes": stats.rx_bytes, "tx_bytes": stats.tx_bytes},
            "requests": {
                "total": stats.requests,
                "rate": round(stats.rate, 1),
                "by_class": stats.by_class,
                "in_flight": stats.in_flight,
                "queued": stats.queued,
                "traps": stats.traps,
            },
        },
        "replicas": counts_shown(stats.replicas),
        "timestamp": stamp(stats.at_ns),
    }


def _condition(service: Service) -> dict[str, Json]:
    return {"degraded": service.degraded, "reason": service.reason}

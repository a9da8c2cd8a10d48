"""Records: what is kept of a deployment, and what deploying and undeploying came to."""

from collections.abc import Mapping

import msgspec

from catalog.jsonvalue import Json, digest
from runtime.daemon.mortar.problems import Problem
from runtime.daemon.policies import Policy
from runtime.daemon.spec import ServiceSpec


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """A project as it was deployed last. Times are nanoseconds since 1970.

    `services` maps names to fingerprints; `written` is the file as its author wrote it, in which secrets are named and
    not spelt out.
    """

    id: str
    project: str
    version: str
    profile: str | None
    services: Mapping[str, str]
    policies: tuple[Policy, ...]
    written: Mapping[str, Json]
    deployed_at_ns: int
    updated_at_ns: int


class Outcome(msgspec.Struct, kw_only=True):
    """What a deployment changed, by names. `unchanged` were as wanted already."""

    created: list[str] = []
    updated: list[str] = []
    unchanged: list[str] = []
    removed: list[str] = []
    networks_created: list[str] = []
    networks_updated: list[str] = []
    networks_removed: list[str] = []
    volumes_created: list[str] = []
    built: list[str] = []

    @property
    def changed(self) -> bool:
        """Is anything else than before?"""
        lists = (self.created, self.updated, self.removed, self.networks_created, self.networks_updated)
        return any((*lists, self.networks_removed, self.volumes_created))


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """A deployment, what it changed, and what its file was warned of."""

    deployment: Deployment
    outcome: Outcome
    warnings: tuple[Problem, ...] = ()


class Undeployed(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed, by names; `networks_kept` have services of others in them."""

    project: str
    services: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    networks_kept: tuple[str, ...]
    at_ns: int


def fingerprint(spec: ServiceSpec, made_of: str) -> str:
    """Equal for two services exactly where their specifications, their modules and their files are."""
    return digest({"spec": msgspec.to_builtins(spec), "made_of": made_of})

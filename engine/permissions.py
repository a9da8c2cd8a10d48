"""Permissions: the exact strings, the built-in roles made of them, and what a person's grants come to."""

from collections.abc import Iterable, Mapping

from engine.tenancy import ORG_ADMIN, Grant

APPLY = "changes.apply"
INGEST = "event:write"

PLATFORM = frozenset(
    {
        APPLY,
        INGEST,
        "audit.view",
        "connections.manage",
        "controllers.manage",
        "keys.manage",
        "secrets.manage",
        "sites.manage",
        "users.manage",
    }
)
"""What the platform itself asks for; operations declare theirs in the catalog."""

_DAEMON_VIEW = {f"{module}.view" for module in ("services", "networks", "volumes", "mortar", "daemon", "events")}
_DAEMON_MANAGE = {f"{module}.manage" for module in ("services", "networks", "volumes", "mortar")}
_VIEW = (
    frozenset({"cameras.view", "network.view", "voip.view", "firewall.view_logs", "storage.view", "hypervisor.view"})
    | _DAEMON_VIEW
)
_OPERATE = (
    frozenset({"storage.write", "hypervisor.manage_snapshots", "hypervisor.manage_vms", "services.call"})
    | _DAEMON_MANAGE
)

VIEWER = _VIEW
OPERATOR = _VIEW | _OPERATE | {APPLY}

BUILT_IN = frozenset({ORG_ADMIN, "operator", "viewer"})

NOT_FOR_MACHINES = frozenset({APPLY})
"""Permissions that no API key carries, whatever its owner holds: applying takes a person."""

NOT_FOR_ASSISTANTS = PLATFORM
"""Nor does an assistant carry any of these: it calls operations, and administers nothing."""


def role_permissions(role: str, declared: frozenset[str], custom: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The permissions of a role: a built-in one (`declared` are the catalog's), or an organisation's own.

    An unknown role holds nothing.
    """
    if role == ORG_ADMIN:
        return PLATFORM | OPERATOR | declared
    if role == "operator":
        return OPERATOR
    if role == "viewer":
        return VIEWER
    return custom.get(role, frozenset())


def held(
    grants: Iterable[Grant], declared: frozenset[str], custom: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str] | None]:
    """What `grants` add up to: each permission with the sites where it is held (None: everywhere)."""
    found: dict[str, frozenset[str] | None] = {}
    for grant in grants:
        for permission in role_permissions(grant.role, declared, custom):
            if grant.sites is None or found.get(permission, frozenset()) is None:
                found[permission] = None
            else:
                found[permission] = (found.get(permission) or frozenset()) | frozenset(grant.sites)
    return found


def is_unscoped_admin(grants: Iterable[Grant]) -> bool:
    """Is one of the grants `org_admin` without a site scope?"""
    return any(grant.role == ORG_ADMIN and grant.sites is None for grant in grants)

"""The table of routes under /api/v1/fabric: what there is, for whom, and what it answers."""

from collections.abc import Mapping

from api.auth.who import ADMIN, AUTHENTICATED, DECIDER, MEMBER, OPERATION, Who, holder, holder_somewhere
from api.endpoints import SOURCE_LIMIT, Endpoint, Handle
from api.fabric import (
    catalog,
    changes,
    connections,
    controllers,
    drivers,
    ingest,
    journal,
    keys,
    plugins,
    roles,
    runs,
    seal,
    secrets,
    shapes,
    sites,
    tenancy_shapes,
    users,
)
from api.fabric.pages import Listing
from api.stream import stream_moves
from engine.permissions import INGEST

PREFIX = "/api/v1/fabric"

Give = Mapping[int, type | None]

NOTHING: Give = {204: None}


def _read(path: str, handler: Handle, who: Who, gives: type, *fails: int, also: Give | None = None) -> Endpoint:
    return Endpoint(
        method="GET", path=PREFIX + path, handler=handler, who=who, gives={200: gives, **(also or {})}, fails=fails
    )


def _write(method: str, path: str, handler: Handle, who: Who, gives: Give, *fails: int, most: int = 0) -> Endpoint:
    limit = {"most": most} if most else {}
    return Endpoint(
        method=method, path=PREFIX + path, handler=handler, who=who, gives=gives, fails=fails, owned=True, **limit
    )


_CATALOG = (
    _read("/catalog", catalog.show_catalog, AUTHENTICATED, catalog.CatalogSnapshot),
    _write(
        "POST",
        "/operations/{operation_id}/invoke",
        catalog.invoke_operation,
        OPERATION,
        {200: catalog.Invoked, 202: catalog.Invoked},
        404, 409, 413, 429, 501, 502, 504,
    ),
    _read(
        "/operations/invocations/{invocation_id}",
        catalog.show_invocation,
        AUTHENTICATED,
        catalog.Invoked,
        403, 409, 413, 429, 501, 502, 504,
        also={202: catalog.Invoked},
    ),
)  # fmt: skip

_CONNECTIONS = (
    _write("POST", "/connections", connections.create_connection, ADMIN, {201: shapes.ShownConnection}, 409, 422),
    _read("/connections", connections.list_connections, MEMBER, Listing[shapes.ShownConnection]),
    _read("/connections/suggest", connections.suggest_operations, MEMBER, connections.Suggestions, 404),
    _write("POST", "/connections/validate", connections.validate_connection, MEMBER, {200: connections.Verdict}),
    _read("/connections/{connection_id}", connections.get_connection, MEMBER, shapes.ShownConnection),
    _write(
        "PATCH",
        "/connections/{connection_id}",
        connections.update_connection,
        ADMIN,
        {200: shapes.ShownConnection},
        409, 412, 422,
        most=SOURCE_LIMIT,
    ),
    _write("DELETE", "/connections/{connection_id}", connections.delete_connection, ADMIN, NOTHING),
    _read("/connections/{connection_id}/runs", connections.list_connection_runs, MEMBER, Listing[shapes.RunRow]),
    _write(
        "POST",
        "/connections/{connection_id}/test",
        connections.try_connection,
        ADMIN,
        {200: shapes.ShownRun, 202: shapes.ShownRun},
        409,
    ),
)  # fmt: skip

_WORK = (
    Endpoint(
        method="POST",
        path=f"{PREFIX}/ingest",
        handler=ingest.ingest_event,
        who=holder_somewhere(INGEST),
        gives={202: ingest.Accepted},
        fails=(409, 429),
    ),
    _read("/changes", changes.list_changes, MEMBER, Listing[shapes.ShownChange]),
    _read("/changes/{change_id}", changes.get_change, MEMBER, shapes.ShownChange),
    _write(
        "POST",
        "/changes/{change_id}/apply",
        changes.apply_change,
        DECIDER,
        {200: shapes.ShownChange, 202: shapes.ShownChange},
        409, 501, 502, 504,
    ),
    _write("POST", "/changes/{change_id}/reject", changes.reject_change, DECIDER, {200: shapes.ShownChange}, 409),
    _read("/runs", runs.list_runs, MEMBER, Listing[shapes.RunRow]),
    _read("/runs/{run_id}", runs.get_run, MEMBER, shapes.ShownRun),
    _write(
        "POST", "/runs/{run_id}/replay", runs.replay_run, ADMIN, {201: shapes.ShownRun, 202: shapes.ShownRun}, 409, 422
    ),
    _write("POST", "/runs/{run_id}/cancel", runs.cancel_run, ADMIN, {200: shapes.ShownRun}, 409),
    _read("/stream", stream_moves, MEMBER, str, 429),
)  # fmt: skip

_CONTROLLERS = holder_somewhere("controllers.manage")
_PLACES = (
    _read("/sites", sites.list_sites, MEMBER, Listing[tenancy_shapes.ShownSite]),
    _write("POST", "/sites", sites.create_site, holder("sites.manage"), {201: tenancy_shapes.ShownSite}, 409),
    _read("/sites/{site_id}", sites.get_site, MEMBER, tenancy_shapes.ShownSite),
    _write("DELETE", "/sites/{site_id}", sites.delete_site, holder("sites.manage"), NOTHING, 409),
    _read("/controllers", controllers.list_controllers, MEMBER, Listing[tenancy_shapes.ShownController]),
    _write(
        "POST", "/controllers", controllers.create_controller, _CONTROLLERS, {201: tenancy_shapes.ShownController}, 409
    ),
    _read("/controllers/{controller_id}", controllers.get_controller, MEMBER, tenancy_shapes.ShownController),
    _write(
        "PATCH",
        "/controllers/{controller_id}",
        controllers.update_controller,
        _CONTROLLERS,
        {200: tenancy_shapes.ShownController},
        409, 412,
    ),
    _write("DELETE", "/controllers/{controller_id}", controllers.delete_controller, _CONTROLLERS, NOTHING, 409),
    _write(
        "POST",
        "/controllers/{controller_id}/test",
        drivers.try_controller,
        _CONTROLLERS,
        {200: tenancy_shapes.TriedController},
    ),
    _read("/drivers", drivers.list_drivers, MEMBER, Listing[tenancy_shapes.ShownDriver]),
)  # fmt: skip

_USERS = holder("users.manage")
_PEOPLE = (
    _read("/me", journal.show_me, AUTHENTICATED, tenancy_shapes.Me),
    _read("/users", users.list_users, _USERS, Listing[tenancy_shapes.ShownUser]),
    _write("POST", "/users", users.create_user, _USERS, {201: tenancy_shapes.ShownUser}, 404, 409),
    _read("/users/{user_id}", users.get_user, _USERS, tenancy_shapes.ShownUser),
    _write("PATCH", "/users/{user_id}", users.update_user, _USERS, {200: tenancy_shapes.ShownUser}, 409, 412),
    _write("DELETE", "/users/{user_id}", users.delete_user, _USERS, NOTHING, 409),
    _read("/roles", roles.list_roles, MEMBER, Listing[tenancy_shapes.ShownRole]),
    _write("PUT", "/roles/{role}", roles.put_role, ADMIN, {200: tenancy_shapes.ShownRole}),
    _write("DELETE", "/roles/{role}", roles.delete_role, _USERS, NOTHING),
)

_KEYS = holder("keys.manage")
_PLUGINS = (
    _read("/plugins", plugins.list_plugins, MEMBER, Listing[plugins.ShownPlugin]),
    _write("POST", "/plugins", plugins.add_plugin, ADMIN, {201: plugins.ShownPlugin}, 404, 409),
    _read("/plugins/{plugin_id}", plugins.get_plugin, MEMBER, plugins.ShownPlugin),
    _write("PUT", "/plugins/{plugin_id}/grant", plugins.grant_plugin, ADMIN, {200: plugins.ShownPlugin}),
    _write("POST", "/plugins/{plugin_id}/enable", plugins.enable_plugin, ADMIN, {200: plugins.ShownPlugin}, 409, 500),
    _write("POST", "/plugins/{plugin_id}/disable", plugins.disable_plugin, ADMIN, {200: plugins.Disabled}),
    _write("DELETE", "/plugins/{plugin_id}", plugins.remove_plugin, ADMIN, NOTHING, 409),
)

_SECRETS = holder("secrets.manage")
_CREDENTIALS = (
    _read("/keys", keys.list_keys, _KEYS, Listing[tenancy_shapes.ShownKey]),
    _write("POST", "/keys", keys.create_key, _KEYS, {201: tenancy_shapes.IssuedKey}, 404, 409),
    _read("/keys/{key_id}", keys.get_key, _KEYS, tenancy_shapes.ShownKey),
    _write("DELETE", "/keys/{key_id}", keys.revoke_key, _KEYS, NOTHING),
    _write("PUT", "/keys/{key_id}/signing", keys.set_signing, _KEYS, {200: tenancy_shapes.ShownKey}, 409),
    _write("POST", "/keys/{key_id}/signing/rotate", keys.rotate_signing, _KEYS, {200: keys.RotatedSecret}, 409),
    _read("/secrets", secrets.list_secrets, _SECRETS, Listing[tenancy_shapes.ShownSecret]),
    _read("/secrets/{name}", secrets.get_secret, _SECRETS, tenancy_shapes.ShownSecret),
    _write("PUT", "/secrets/{name}", secrets.put_secret, _SECRETS, NOTHING),
    _write("DELETE", "/secrets/{name}", secrets.delete_secret, _SECRETS, NOTHING),
    _read("/seal", seal.show_seal, ADMIN, tenancy_shapes.ShownSeal),
    _write(
        "POST",
        "/seal/rotate",
        seal.rotate_seal,
        ADMIN,
        {200: tenancy_shapes.ShownSeal, 202: tenancy_shapes.ShownSeal},
        409,
    ),
)

_JOURNAL = (
    _read("/events", journal.list_events, MEMBER, Listing[shapes.ShownEvent]),
    _read("/events/{event_id}", journal.get_event, MEMBER, shapes.ShownEvent),
    _read("/notifications", journal.list_notifications, MEMBER, Listing[tenancy_shapes.ShownNotification]),
    _write("POST", "/notifications/{notification_id}/read", journal.read_notification, MEMBER, NOTHING),
    _read("/audit", journal.list_audit, holder("audit.view"), Listing[tenancy_shapes.ShownAudit]),
    _read("/audit/verify", journal.verify_audit, holder("audit.view"), journal.Verified),
)

ENDPOINTS = (*_CATALOG, *_CONNECTIONS, *_WORK, *_PLACES, *_PEOPLE, *_CREDENTIALS, *_PLUGINS, *_JOURNAL)
"""Every route of the API."""

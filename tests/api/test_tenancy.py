"""People, credentials, secrets, sites and controllers over HTTP."""

import pytest

from catalog.jsonvalue import Json
from engine.audit import audit_row, system_actor
from engine.tenancy import Organisation, Site, User
from tests.api.running import Running
from tests.api.test_routes import problem


def site_of(server: Running) -> str:
    return str(server.get("/sites")["items"][0]["id"])


def controller(server: Running, name: str, **facts: Json) -> Json:
    body = {"site_id": site_of(server), "name": name, "driver": "probe", **facts}
    made = server.call("POST", "/controllers", body)
    assert made.status == 201, made.content
    return made.body


def test_a_credentials_text_is_shown_once_and_only_its_hash_is_kept(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "once", "scopes": ["event:write"]})
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    text, key_id = made.body["text"], made.body["id"]
    assert text.startswith("fabk_")
    seen = [server.call("GET", path).content for path in (f"/keys/{key_id}", "/keys?limit=200", "/audit?limit=200")]
    assert all(text.encode() not in each for each in seen)
    files = [path.read_bytes() for path in server.data.iterdir() if path.name.startswith("fabric.sqlite")]
    assert all(text.encode() not in each for each in files)


def test_a_revoked_credential_is_nobody_at_once(server: Running) -> None:
    made = server.call("POST", "/keys", {"name": "short"})
    key = made.body["text"]
    assert server.call("GET", "/me", key=key).status == 200
    assert server.call("DELETE", f"/keys/{made.body['id']}").status == 204
    assert problem(server.call("GET", "/me", key=key), 401)["code"] == "CREDENTIAL_UNKNOWN"
    assert server.get(f"/keys/{made.body['id']}")["revoked_at"] is not None


def test_an_expired_credential_is_nobody(server: Running) -> None:
    key = server.issue(expires_at="2020-01-01T00:00:00Z")
    assert problem(server.call("GET", "/me", key=key), 401)


def test_a_token_is_no_key_and_a_key_is_no_token(server: Running) -> None:
    key = server.issue()
    assert problem(server.call("GET", "/me", token=key), 401)
    assert problem(server.call("GET", "/me", key=server.admin), 401)


def test_a_machine_issues_no_credential_and_so_never_becomes_a_person(server: Running) -> None:
    key = server.issue()
    for kind in ("token", "key"):
        reply = server.call("POST", "/keys", {"name": "x", "kind": kind}, key=key)
        assert problem(reply, 403)["code"] == "PERSON_REQUIRED"


def test_a_narrowed_token_issues_nothing_wider_than_itself(server: Running) -> None:
    token = server.issue(kind="token", scopes=["keys.manage", "event:write"])
    for scopes in (None, ["users.manage"], ["keys.manage", "audit.view"]):
        reply = server.call("POST", "/keys", {"name": "x", "scopes": scopes}, token=token)
        assert problem(reply, 403)["code"] == "SCOPES_EXCEEDED"
    assert server.call("POST", "/keys", {"name": "x", "scopes": ["event:write"]}, token=token).status == 201


def test_a_credential_for_somebody_else_takes_an_unscoped_admin(server: Running) -> None:
    server.call("PUT", "/roles/keymaster", {"permissions": ["keys.manage"]})
    _, token = server.person("keymaster", "keymaster")
    admin_id = server.get("/me")["id"]
    reply = server.call("POST", "/keys", {"name": "x", "kind": "token", "user_id": admin_id}, token=token)
    assert problem(reply, 403)["code"] == "ADMIN_REQUIRED"


def test_an_administrator_of_one_site_hands_out_no_rights(server: Running) -> None:
    _, token = server.person("janitor", "org_admin", sites=[site_of(server)])
    assert server.get("/me", token=token)["unscoped_admin"] is False
    for method, path, body in (
        ("POST", "/users", {"name": "friend", "grants": [{"role": "org_admin"}]}),
        ("PUT", "/roles/mine", {"permissions": ["users.manage"]}),
        ("POST", "/sites", {"name": "another"}),
        ("PUT", "/secrets/mine", {"value": "x"}),
        ("POST", "/keys", {"name": "x"}),
        ("POST", "/connections", {"name": "x"}),
    ):
        assert problem(server.call(method, path, body, token=token), 403)


def test_who_manages_users_without_being_admin_grants_nothing(server: Running) -> None:
    server.call("PUT", "/roles/usermaster", {"permissions": ["users.manage"]})
    _, token = server.person("usermaster", "usermaster")
    grant = {"name": "friend-1", "grants": [{"role": "org_admin"}]}
    assert problem(server.call("POST", "/users", grant, token=token), 403)["code"] == "ADMIN_REQUIRED"
    made = server.call("POST", "/users", {"name": "friend-2"}, token=token)
    assert made.status == 201
    changed = server.call("PATCH", f"/users/{made.body['id']}", {"grants": [{"role": "org_admin"}]}, token=token)
    assert problem(changed, 403)["code"] == "ADMIN_REQUIRED"


def test_a_deactivated_person_is_nobody_at_once(server: Running) -> None:
    user_id, token = server.person("leaver", "viewer")
    assert server.call("GET", "/me", token=token).status == 200
    assert server.call("PATCH", f"/users/{user_id}", {"active": False}).status == 200
    assert problem(server.call("GET", "/me", token=token), 401)


def test_nobody_takes_rights_from_himself(server: Running) -> None:
    me = server.get("/me")["id"]
    assert problem(server.call("PATCH", f"/users/{me}", {"active": False}), 400)["code"] == "OWN_RIGHTS"
    assert problem(server.call("DELETE", f"/users/{me}"), 400)["code"] == "OWN_RIGHTS"


def test_a_stale_edit_is_refused_with_412(server: Running) -> None:
    user_id, _ = server.person("edited", "viewer")
    found = server.call("GET", f"/users/{user_id}")
    etag = found.headers["etag"]
    assert etag == f'"{found.body["revision"]}"'
    assert server.call("PATCH", f"/users/{user_id}", {"name": "edited-1"}, If_Match=etag).status == 200
    stale = server.call("PATCH", f"/users/{user_id}", {"name": "edited-2"}, If_Match=etag)
    assert problem(stale, 412)["code"] == "REVISION_CHANGED"
    assert problem(server.call("PATCH", f"/users/{user_id}", {}, If_Match="nonsense"), 400)["code"] == "IF_MATCH"
    assert server.call("PATCH", f"/users/{user_id}", {"name": "edited-3"}, If_Match="*").status == 200


def test_a_controllers_credentials_are_sealed_and_its_settings_are_for_who_manages_it(server: Running) -> None:
    made = controller(server, "sealed", settings={"address": "/canary-setting"}, credentials={"password": "canary-pw"})
    assert made["has_credentials"] is True
    assert "credentials" not in made
    _, viewer = server.person("controller-viewer", "viewer")
    seen = server.call("GET", f"/controllers/{made['id']}", token=viewer)
    assert seen.body["settings"] is None
    assert b"canary" not in seen.content
    assert b"canary-pw" not in server.call("GET", f"/controllers/{made['id']}").content
    assert all(b"canary-pw" not in path.read_bytes() for path in server.data.glob("fabric.sqlite*"))
    changed = server.call("PATCH", f"/controllers/{made['id']}", {"read_only": True}, If_Match='"1"')
    assert (changed.status, changed.body["read_only"], changed.headers["etag"]) == (200, True, '"2"')


def test_a_controller_is_managed_at_its_own_site_only(server: Running) -> None:
    here = controller(server, "here")
    there = server.call("POST", "/sites", {"name": "there"}).body["id"]
    _, token = server.person("there-admin", "org_admin", sites=[there])
    changed = server.call("PATCH", f"/controllers/{here['id']}", {"read_only": True}, token=token)
    assert problem(changed, 403)["code"] == "PERMISSION_DENIED"
    assert problem(server.call("DELETE", f"/controllers/{here['id']}", token=token), 403)
    mine = {"site_id": there, "name": "mine", "driver": "probe"}
    assert server.call("POST", "/controllers", mine, token=token).status == 201
    assert problem(server.call("POST", "/controllers", {**mine, "site_id": site_of(server)}, token=token), 403)


def test_a_site_with_controllers_stays(server: Running) -> None:
    site = server.call("POST", "/sites", {"name": "busy"}).body["id"]
    body = {"site_id": site, "name": "resident", "driver": "probe"}
    made = server.call("POST", "/controllers", body)
    assert problem(server.call("DELETE", f"/sites/{site}"), 409)["code"] == "IN_USE"
    assert server.call("DELETE", f"/controllers/{made.body['id']}").status == 204
    assert server.call("DELETE", f"/sites/{site}").status == 204


def test_a_name_is_taken_once(server: Running) -> None:
    assert server.call("POST", "/sites", {"name": "twice"}).status == 201
    assert problem(server.call("POST", "/sites", {"name": "twice"}), 409)["code"] == "NAME_TAKEN"


def test_a_secrets_value_never_comes_back(server: Running) -> None:
    assert server.call("PUT", "/secrets/n8n-token", {"value": "canary-secret"}).status == 204
    assert server.get("/secrets/n8n-token")["name"] == "n8n-token"
    assert "n8n-token" in [each["name"] for each in server.get("/secrets?limit=200")["items"]]
    for path in ("/secrets", "/secrets/n8n-token", "/audit?limit=200"):
        assert b"canary-secret" not in server.call("GET", path).content
    assert all(b"canary-secret" not in path.read_bytes() for path in server.data.glob("fabric.sqlite*"))
    assert server.call("DELETE", "/secrets/n8n-token").status == 204
    assert problem(server.call("GET", "/secrets/n8n-token"), 404)["code"] == "SECRET_NOT_FOUND"


@pytest.mark.parametrize(("name", "value", "status"), [("UPPER", "x", 400), ("a" * 65, "x", 400), ("ok", "", 400)])
def test_a_secret_has_a_plain_name_and_a_value(server: Running, name: str, value: str, status: int) -> None:
    assert problem(server.call("PUT", f"/secrets/{name}", {"value": value}), status)


def test_a_secret_of_16_kib_is_kept_and_one_more_byte_is_not(server: Running) -> None:
    assert server.call("PUT", "/secrets/large", {"value": "x" * 16 * 1024}).status == 204
    assert problem(server.call("PUT", "/secrets/large", {"value": "ü" * 9 * 1024}), 413)["code"] == "SECRET_TOO_LARGE"


@pytest.mark.parametrize("collection", ["sites", "controllers", "users", "keys", "secrets", "events", "audit"])
def test_pages_of_a_list_join_without_a_gap_or_a_repeat(server: Running, collection: str) -> None:
    for number in range(7):
        controller(server, f"paged-{collection}-{number}")
        server.call("PUT", f"/secrets/paged-{number}", {"value": "x"})
        server.call("POST", "/sites", {"name": f"paged-{collection}-{number}"})
        server.call("POST", "/ingest", {"name": "paged"})
        server.call("POST", "/users", {"name": f"paged-{collection}-{number}"})
    whole, found, cursor = server.get(f"/{collection}?limit=200")["items"], [], ""
    while True:
        page = server.get(f"/{collection}?limit=3{cursor}")
        assert 1 <= len(page["items"]) <= 3
        found += page["items"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert found[: len(whole)] == whole
    assert len({repr(each) for each in found}) == len(found)


@pytest.mark.parametrize("collection", ["sites", "events", "audit", "runs", "changes", "keys", "notifications"])
def test_a_cursor_of_somebody_elses_making_is_refused(server: Running, collection: str) -> None:
    assert problem(server.call("GET", f"/{collection}?cursor=eHh4"), 400)["code"] == "CURSOR_INVALID"


def test_another_organisations_things_answer_like_absent_ones(server: Running) -> None:
    application, clock = server.server.application, server.server.application.clock
    other = Organisation(id=clock.new_id(), name="other", created_at=clock.now())
    actor = system_actor(other.id)
    site = Site(id=clock.new_id(), organisation_id=other.id, name="theirs", created_at=clock.now())
    user = User(id=clock.new_id(), organisation_id=other.id, name="them", created_at=clock.now(), revision=0)
    for row in (other, site, user):
        server.run(application.store.put_tenant(row, audit_row(actor, "made", row.id, clock)))
    for path in (f"/sites/{site.id}", f"/users/{user.id}"):
        absent = server.call("GET", f"{path[:-4]}ffff")
        foreign = server.call("GET", path)
        assert problem(foreign, 404)["code"] == problem(absent, 404)["code"]
    assert site.id not in str(server.get("/sites?limit=200"))


def test_the_audit_log_tells_who_did_what_from_where_and_holds_together(server: Running) -> None:
    server.call("POST", "/sites", {"name": "audited"})
    rows = server.get("/audit?limit=10")["items"]
    row = next(each for each in rows if each["action"] == "site.created")
    assert row["actor_id"] == server.get("/me")["id"]
    assert row["address"] == "127.0.0.1"
    assert server.get("/audit/verify") == {"intact": True, "first_broken_seq": None}

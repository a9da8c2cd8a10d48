"""The controller of the server's own services daemon: there from the start, and to stay."""

from pathlib import Path

from api.local_daemon import add_local_daemon
from catalog.daemons import DRIVER, LOCAL_DAEMON
from engine.audit import audit_row, system_actor
from engine.tenancy import Controller, Organisation
from tests.api.running import running


def test_it_is_there_from_the_start_and_cannot_be_deleted(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        listed = server.call("GET", "/controllers").body["items"]
        assert [(each["id"], each["name"], each["driver"]) for each in listed] == [(LOCAL_DAEMON, DRIVER, DRIVER)]
        refused = server.call("DELETE", f"/controllers/{LOCAL_DAEMON}")
        assert (refused.status, refused.body["code"]) == (409, "CONTROLLER_BUILT_IN")
        assert server.call("PATCH", f"/controllers/{LOCAL_DAEMON}", {"read_only": True}).status == 200
    with running(tmp_path) as again:
        kept = again.call("GET", f"/controllers/{LOCAL_DAEMON}").body
        assert (kept["read_only"], kept["revision"]) == (True, 2)


def test_a_data_directory_of_an_earlier_version_gets_it_in_its_first_organisation(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        store, clock = server.server.application.store, server.server.application.clock
        first = server.run(store.organisations())[0]
        actor = system_actor(first.id)
        server.run(
            store.delete_tenant(Controller, first.id, LOCAL_DAEMON, audit_row(actor, "controller.deleted", "x", clock))
        )
        later = Organisation(id=clock.new_id(), name="aaa", created_at=clock.now() + 1)
        server.run(store.put_tenant(later, audit_row(actor, "organisation.created", later.id, clock)))
        site = server.call("GET", "/sites").body["items"][0]
        taken = {"site_id": site["id"], "name": DRIVER, "driver": "probe"}
        assert server.call("POST", "/controllers", taken).status == 201
        server.run(add_local_daemon(server.server.application))
        (found,) = server.run(store.find_controllers([LOCAL_DAEMON]))
        assert (found.organisation_id, found.name, found.driver) == (first.id, "fabricksd-fab00000", DRIVER)


def test_without_a_services_half_its_operations_say_so(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for operation in ("services.list", "daemon.info"):
            reply = server.call("POST", f"/operations/{operation}/invoke", {"params": {"controller_id": LOCAL_DAEMON}})
            assert (reply.status, reply.body["code"]) == (503, "SERVICES_UNAVAILABLE")

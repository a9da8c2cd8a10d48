"""TenancyStore, CredentialStore and SecretStore: what every Store promises."""

import asyncio
from typing import Any

import msgspec
import pytest

from catalog.errors import Conflict, FabricError, Invalid, NotFound, PreconditionFailed
from engine.ports import Store
from engine.tenancy import Controller, Credential, CredentialKind, Grant, Organisation, Role, Site, User
from tests.contracts.rows import ORG, OTHER, Rows

SITE, CONTROLLER, PERSON = f"site-of-{ORG}", f"controller-of-{ORG}", f"person-of-{ORG}"


async def test_tenants_come_back_as_they_were(store: Store, rows: Rows) -> None:
    user = User(id="u", organisation_id=ORG, name="bob", email="b@x", grants=(Grant("viewer", ("s",)),), revision=0)
    role = Role(organisation_id=ORG, name="night", permissions=("a.b", "c.d"))
    for row in (user, role):
        await store.put_tenant(row, rows.audit())
    assert await store.get_tenant(User, ORG, "u") == msgspec.structs.replace(user, revision=1)
    assert await store.get_tenant(Role, ORG, "night") == role
    controller = await store.get_tenant(Controller, ORG, CONTROLLER)
    assert isinstance(controller, Controller)
    assert (controller.sealed, controller.revision) == (b"\x00sealed", 1)
    assert [each.id for each in await store.organisations()] == [ORG, OTHER]


@pytest.mark.parametrize(
    ("kind", "row_id"), [(Site, SITE), (Controller, CONTROLLER), (User, PERSON), (Role, "night"), (Organisation, ORG)]
)
async def test_foreign_and_absent_tenants_answer_alike(
    store: Store, rows: Rows, kind: type[Site | Controller | User | Role | Organisation], row_id: str
) -> None:
    await store.put_tenant(Role(organisation_id=ORG, name="night", permissions=()), rows.audit())
    await store.get_tenant(kind, ORG, row_id)
    errors: list[FabricError] = []
    for wanted in (row_id, "nowhere"):
        for attempt in (
            store.get_tenant(kind, OTHER, wanted),
            store.delete_tenant(kind, OTHER, wanted, rows.audit()),
        ):
            with pytest.raises(NotFound) as refused:
                await attempt
            errors.append(refused.value)
    assert {error.code for error in errors} == {f"{kind.__name__.upper()}_NOT_FOUND"}


@pytest.mark.promise("P2")
async def test_a_controllers_site_is_its_organisations_own(store: Store, rows: Rows) -> None:
    for site_id in (f"site-of-{OTHER}", "nowhere"):
        stray = Controller(id="stray", organisation_id=ORG, site_id=site_id, name="stray", driver="probe", revision=0)
        with pytest.raises(Invalid) as refused:
            await store.put_tenant(stray, rows.audit())
        assert refused.value.code == "SITE_UNKNOWN"
    controller = await store.get_tenant(Controller, ORG, CONTROLLER)
    with pytest.raises(Invalid):
        await store.put_tenant(msgspec.structs.replace(controller, site_id=f"site-of-{OTHER}"), rows.audit())


async def test_a_row_is_not_moved_into_another_organisation(store: Store, rows: Rows) -> None:
    site = await store.get_tenant(Site, ORG, SITE)
    with pytest.raises(NotFound):
        await store.put_tenant(msgspec.structs.replace(site, organisation_id=OTHER, name="taken over"), rows.audit())
    assert await store.get_tenant(Site, ORG, SITE) == site


async def test_a_name_is_taken_once_an_organisation_and_kind(store: Store, rows: Rows) -> None:
    doubles: list[Site | User | Controller | Organisation] = [
        Site(id="s2", organisation_id=ORG, name="hq", created_at=0.0),
        User(id="u2", organisation_id=ORG, name="ann", revision=0),
        Controller(id="c2", organisation_id=ORG, site_id=SITE, name="switch", driver="p", revision=0),
        Organisation(id="o2", name=f"name of {ORG}", created_at=0.0),
    ]
    for row in doubles:
        with pytest.raises(Conflict) as refused:
            await store.put_tenant(row, rows.audit())
        assert refused.value.code == "NAME_TAKEN"


async def test_an_edit_of_an_old_revision_is_refused_for_controllers_and_people(store: Store, rows: Rows) -> None:
    for kind, row_id in ((Controller, CONTROLLER), (User, PERSON)):
        row = await store.get_tenant(kind, ORG, row_id)
        assert isinstance(row, Controller | User)
        await store.put_tenant(msgspec.structs.replace(row, name="renamed"), rows.audit())
        with pytest.raises(PreconditionFailed) as refused:
            await store.put_tenant(row, rows.audit())
        assert refused.value.code == "REVISION_CHANGED"
        await store.delete_tenant(kind, ORG, row_id, rows.audit())
        with pytest.raises(PreconditionFailed):
            await store.put_tenant(msgspec.structs.replace(row, revision=2), rows.audit())


async def test_a_site_with_controllers_stays(store: Store, rows: Rows) -> None:
    with pytest.raises(Conflict) as refused:
        await store.delete_tenant(Site, ORG, SITE, rows.audit())
    assert refused.value.code == "IN_USE"
    await store.delete_tenant(Controller, ORG, CONTROLLER, rows.audit())
    await store.delete_tenant(Site, ORG, SITE, rows.audit())


async def test_controllers_are_found_across_organisations_for_their_owner_to_be_compared(
    store: Store, rows: Rows
) -> None:
    found = await store.find_controllers([CONTROLLER, f"controller-of-{OTHER}", "nowhere", "'; --"])
    assert [each.organisation_id for each in found] == [ORG, OTHER]
    assert await store.find_controllers([]) == []


async def test_tenants_are_listed_by_name(store: Store, rows: Rows) -> None:
    for name in ("b", "a"):
        await store.put_tenant(Site(id=name, organisation_id=ORG, name=name, created_at=0.0), rows.audit())
    first = await store.list_tenants(Site, ORG, 2, None)
    second = await store.list_tenants(Site, ORG, 2, first.next)
    assert [each.name for each in (*first.items, *second.items)] == ["a", "b", "hq"]


def _key(sha256: str = "f" * 64, **facts: str) -> Credential:
    given: dict[str, Any] = {"id": f"key-{sha256[:4]}", "organisation_id": ORG, "user_id": PERSON, **facts}
    return Credential(
        **given, kind=CredentialKind.KEY, name="k", sha256=sha256, sealed_signing=(b"\xff", b"\x00"), scopes=("a.b",)
    )


async def test_a_credential_is_found_by_its_hash(store: Store, rows: Rows) -> None:
    key = _key()
    await store.put_credential(key, rows.audit())
    assert await store.find_credential(key.sha256) == key
    assert await store.find_credential("0" * 64) is None
    revoked = msgspec.structs.replace(key, revoked_at=5.0)
    await store.put_credential(revoked, rows.audit())
    assert await store.find_credential(key.sha256) == revoked
    assert await store.get_credential(ORG, key.id) == revoked
    with pytest.raises(NotFound) as refused:
        await store.get_credential(OTHER, key.id)
    assert refused.value.code == "KEY_NOT_FOUND"


async def test_credentials_are_listed_newest_first(store: Store, rows: Rows) -> None:
    keys = [_key(f"{number:064x}"[::-1]) for number in range(3)]
    for key in keys:
        await store.put_credential(key, rows.audit())
    page = await store.list_credentials(ORG, 2, None)
    assert page.items == [keys[2], keys[1]]
    assert (await store.list_credentials(ORG, 2, page.next)).items == [keys[0]]
    assert (await store.list_credentials(OTHER, 2, None)).items == []


async def test_a_credential_belongs_to_a_person_of_its_organisation_and_goes_with_him(store: Store, rows: Rows) -> None:
    for user_id in (f"person-of-{OTHER}", "nobody"):
        with pytest.raises(Invalid) as refused:
            await store.put_credential(_key(user_id=user_id), rows.audit())
        assert refused.value.code == "USER_UNKNOWN"
    await store.put_credential(_key(), rows.audit())
    with pytest.raises(Conflict):
        await store.put_credential(_key(organisation_id=OTHER, user_id=f"person-of-{OTHER}"), rows.audit())
    await store.delete_tenant(User, ORG, PERSON, rows.audit())
    assert await store.find_credential("f" * 64) is None


async def test_secrets_are_sealed_bytes_by_name(store: Store, rows: Rows) -> None:
    for name, sealed in (("b", b"\x00\xff"), ("a", b"1"), ("a", b"2")):
        await store.put_secret(ORG, name, sealed, rows.audit("secret.set", name))
    assert await store.sealed_secrets(ORG, ["a", "b", "missing"]) == {"a": b"2", "b": b"\x00\xff"}
    assert await store.sealed_secrets(OTHER, ["a"]) == {}
    assert [name for name, _ in await store.list_secrets(ORG)] == ["a", "b"]
    await store.delete_secret(ORG, "a", rows.audit())
    with pytest.raises(NotFound) as refused:
        await store.delete_secret(ORG, "a", rows.audit())
    assert refused.value.code == "SECRET_NOT_FOUND"
    with pytest.raises(NotFound):
        await store.delete_secret(OTHER, "b", rows.audit())


async def test_many_writers_at_once_lose_nothing(store: Store, rows: Rows) -> None:
    await asyncio.gather(*[store.put_secret(ORG, f"s{n}", b"x", rows.audit("secret.set", f"s{n}")) for n in range(300)])
    assert len(await store.list_secrets(ORG)) == 300
    assert await store.verify_audit(ORG) is None

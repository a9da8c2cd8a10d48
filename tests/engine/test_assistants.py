"""What the engine makes of an assistant's credential: its owner's operations, and no way to decide or administer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from catalog.errors import Forbidden
from engine.changes import PendingChange
from engine.credentials import require_admin
from engine.permissions import PLATFORM
from engine.tenancy import ORG_ADMIN, Actor, ActorKind, Credential, CredentialKind, Grant
from tests.engine.house import House, current, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        yield made


async def assistant(home: House, *scopes: str, calls: int = 100) -> tuple[Actor, Credential]:
    """An assistant of the administrator's, as it comes in."""
    credentials = home.app.credentials
    _, text = await credentials.issue(
        home.admin, home.admin.id, CredentialKind.ASSISTANT, "a", scopes=scopes or None, daily_calls=calls
    )
    return await credentials.authenticate(text, CredentialKind.ASSISTANT, None)


@pytest.mark.promise("W1", count=len(PLATFORM))
@pytest.mark.parametrize("scopes", [(), tuple(PLATFORM)], ids=["all scopes", "the platform's"])
async def test_it_carries_no_permission_of_the_platform_and_is_no_administrator(
    home: House, scopes: tuple[str, ...]
) -> None:
    actor, _ = await assistant(home, *scopes)
    assert actor.kind is ActorKind.ASSISTANT
    assert PLATFORM & set(actor.permissions) == set()
    assert set(home.admin.permissions) >= PLATFORM
    with pytest.raises(Forbidden) as refused:
        require_admin(actor)
    assert refused.value.code == "ADMIN_REQUIRED"


@pytest.mark.promise("W1", count=2)
async def test_it_decides_on_no_change_not_even_its_own(home: House) -> None:
    actor, credential = await assistant(home)
    operation = home.app.assistants.tools(actor)["probe__set"]
    params = {"controller_id": home.controller.id, "value": 1}
    change = await home.app.assistants.call(actor, credential, operation, params)
    assert isinstance(change, PendingChange)
    assert change.asked_by is not None
    assert (change.asked_by.kind, change.asked_by.credential_id) == (ActorKind.ASSISTANT, credential.id)
    for deed in (
        home.app.applier.apply(actor, change.id, force=True, digest=change.digest),
        home.app.applier.reject(actor, change.id, None),
    ):
        with pytest.raises(Forbidden) as refused:
            await deed
        assert refused.value.code == "PERSON_REQUIRED"
    assert current().applied == []


async def test_it_is_refused_what_the_catalog_keeps_from_assistants_whatever_its_owner_may(home: House) -> None:
    actor, credential = await assistant(home)
    catalog = home.app.registry.current()
    for name in ("fabric.webhook", "fabric.notify", "probe.keep"):
        with pytest.raises(Forbidden) as refused:
            await home.app.assistants.call(actor, credential, catalog.get_operation(name), {})
        assert refused.value.code == "AI_FORBIDDEN"
    logged = await home.app.assistants.call(actor, credential, catalog.get_operation("fabric.log"), {"message": "x"})
    assert not isinstance(logged, PendingChange | str)
    narrow, credential = await assistant(home, "probe.view")
    with pytest.raises(Forbidden) as refused:
        await home.app.assistants.call(narrow, credential, catalog.get_operation("fabric.log"), {})
    assert refused.value.code == "ADMIN_REQUIRED"
    with pytest.raises(Forbidden) as refused:
        await home.app.assistants.call(narrow, credential, catalog.get_operation("probe.set"), {})
    assert refused.value.code == "PERMISSION_DENIED"


async def test_a_right_that_is_gone_is_gone_for_the_assistant_at_once(home: House) -> None:
    app = home.app
    user = await app.administration.add_user(home.admin, "owner", None, (Grant(ORG_ADMIN),))
    _, text = await app.credentials.issue(home.admin, user.id, CredentialKind.ASSISTANT, "a")
    actor, _ = await app.credentials.authenticate(text, CredentialKind.ASSISTANT, None)
    assert "probe__echo" in app.assistants.tools(actor)
    await app.administration.change_user(home.admin, user.id, {"grants": ()}, None)
    await asyncio.sleep(0)
    actor, _ = await app.credentials.authenticate(text, CredentialKind.ASSISTANT, None)
    assert app.assistants.tools(actor) == {}

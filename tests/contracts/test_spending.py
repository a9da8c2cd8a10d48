"""SpendingStore: what every Store promises about the calls that assistants make."""

import asyncio

import pytest

from catalog.errors import NotFound
from engine.ports import Store
from engine.tenancy import Credential, CredentialKind, User
from tests.contracts.homes import Home
from tests.contracts.rows import ORG, Rows

DAY, NEXT = "2026-11-21", "2026-11-22"
PERSON = f"person-of-{ORG}"


@pytest.fixture
async def token(store: Store, rows: Rows) -> str:
    """An assistant's token; its id."""
    made = Credential(
        id="t", organisation_id=ORG, user_id=PERSON, kind=CredentialKind.ASSISTANT, name="t", sha256="a" * 64
    )
    await store.put_credential(made, rows.audit())
    return made.id


async def test_calls_are_counted_up_to_the_limit_and_from_nothing_on_the_next_day(store: Store, token: str) -> None:
    spent = [await store.spend(token, DAY, 3, {}) for _ in range(5)]
    assert [(each.calls, each.refused) for each in spent] == [(1, False), (2, False), (3, False), (3, True), (3, True)]
    assert await store.spending([token, "other"], DAY) == {token: 3}
    after = await store.spend(token, NEXT, 3, {})
    assert (after.day, after.calls, after.refused) == (NEXT, 1, False)
    assert await store.spending([token], "2026-11-23") == {}


async def test_a_clock_that_is_set_back_gives_no_new_day(store: Store, token: str) -> None:
    await store.spend(token, NEXT, 2, {})
    back = [await store.spend(token, DAY, 2, {}) for _ in range(2)]
    assert [(each.day, each.calls, each.refused) for each in back] == [(NEXT, 2, False), (NEXT, 2, True)]
    assert await store.spending([token], DAY) == {token: 2}


async def test_the_event_that_is_due_is_kept_with_the_call_that_it_is_due_with(
    store: Store, rows: Rows, token: str
) -> None:
    events = {2: rows.event("two"), 3: rows.event("three")}
    spent = [await store.spend(token, DAY, 3, events) for _ in range(4)]
    assert [each.event for each in spent] == [None, events[2], events[3], None]
    assert {each.id for each in await store.undispatched(10)} == {each.id for each in events.values()}


async def test_a_restart_forgets_no_call(home: Home, store: Store, token: str) -> None:
    await store.spend(token, DAY, 3, {})
    again = await home.open()
    assert (await again.spend(token, DAY, 3, {})).calls == 2


async def test_calls_at_once_never_pass_the_limit(store: Store, token: str) -> None:
    spent = await asyncio.gather(*(store.spend(token, DAY, 40, {}) for _ in range(100)))
    assert sum(not each.refused for each in spent) == 40


async def test_what_is_spent_goes_with_the_credential_and_an_unknown_one_spends_nothing(
    store: Store, rows: Rows, token: str
) -> None:
    await store.spend(token, DAY, 3, {})
    await store.delete_tenant(User, ORG, PERSON, rows.audit())
    assert await store.spending([token], DAY) == {}
    with pytest.raises(NotFound) as refused:
        await store.spend(token, DAY, 3, {2: rows.event()})
    assert refused.value.code == "KEY_NOT_FOUND"

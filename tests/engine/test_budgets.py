"""Budgets: the organisation is told at 80 % and at 100 %, no call is made beyond, and midnight in UTC renews it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.errors import TooMany
from catalog.jsonvalue import Json
from catalog.schemas import validator
from engine.retention import DAY
from engine.tenancy import Credential, CredentialKind
from tests.engine.house import House, current, house
from tests.engine.timed import timed_house
from tests.fakes.clock import FakeClock

MIDNIGHT = datetime(2026, 11, 22, tzinfo=UTC).timestamp()


async def token_of(home: House, calls: int, name: str = "claude") -> Credential:
    issue = home.app.credentials.issue
    return (await issue(home.admin, home.admin.id, CredentialKind.ASSISTANT, name, daily_calls=calls))[0]


async def told(home: House) -> list[Json]:
    """What was told, oldest first; every bit of it as the catalog says."""
    page = await home.app.store.list_events(home.admin.organisation_id, 200, None)
    fits = validator(home.app.registry.current().events["ai.budget.warning"].payload_schema)
    found = [each.payload for each in page.items[::-1] if each.type == "ai.budget.warning"]
    assert all(fits(each) for each in found)
    return found


async def spend(home: House, token: Credential, times: int) -> list[str]:
    """What each call came to: empty for one that may be made."""
    codes = []
    for _ in range(times):
        try:
            await home.app.budgets.spend(token)
            codes.append("")
        except TooMany as refused:
            codes.append(refused.code)
    return codes


@pytest.mark.parametrize("calls, warned_at", [(10, [8, 10]), (5, [4, 5]), (3, [3]), (1, [1])])
async def test_it_is_told_once_at_eighty_percent_and_once_at_all_of_it(
    tmp_path: Path, calls: int, warned_at: list[int]
) -> None:
    async with house(tmp_path) as home:
        token = await token_of(home, calls)
        assert await spend(home, token, calls + 2) == [""] * calls + ["AI_BUDGET_EXCEEDED"] * 2
        warnings = await told(home)
        assert [each["used"] for each in warnings] == warned_at
        assert warnings[-1]["used_percent"] == 100.0
        assert {(each["budget"], each["credential_id"], each["limit"]) for each in warnings} == {
            ("claude", token.id, float(calls))
        }


async def test_the_warning_fires_connections_like_any_event(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        step = {"operation_id": "probe.echo", "params": {"value": "{{trigger.used_percent}}"}}
        await home.connect({"name": "tell", "source_event": "ai.budget.warning", "steps": [step]})
        await spend(home, await token_of(home, 10), 10)
        await home.settled(2)
        assert sorted(value for _, value in current().calls) == [80.0, 100.0]


async def test_a_restart_renews_nothing_and_midnight_does(tmp_path: Path) -> None:
    clock = FakeClock(MIDNIGHT - 60.0)
    async with timed_house(tmp_path, clock) as home:
        token = await token_of(home, 2)
        assert await spend(home, token, 1) == [""]
    async with timed_house(tmp_path, clock) as home:
        assert await spend(home, token, 2) == ["", "AI_BUDGET_EXCEEDED"]
        with pytest.raises(TooMany) as refused:
            await home.app.budgets.spend(token)
        assert refused.value.details == {"renews_at": "2026-11-22T00:00:00Z"}
        assert refused.value.retry_after == 60.0
        assert "2026-11-22T00:00:00Z" in refused.value.message
        clock.pass_by(60.0)
        assert await spend(home, token, 3) == ["", "", "AI_BUDGET_EXCEEDED"]
        assert [each["period"] for each in await told(home)] == ["2026-11-21", "2026-11-22"]
        clock.set_wall(-DAY)
        assert await spend(home, token, 1) == ["AI_BUDGET_EXCEEDED"]


async def test_each_token_has_a_budget_of_its_own(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        one, other = await token_of(home, 1, "one"), await token_of(home, 1, "other")
        assert await spend(home, one, 2) == ["", "AI_BUDGET_EXCEEDED"]
        assert await spend(home, other, 1) == [""]
        assert await home.app.budgets.spent_today([one, other]) == {one.id: 1, other.id: 1}

"""The assistant's spending. What watches it comes later."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.fields import Percent
from runtime.providers.native import NativeProvider


class BudgetWarning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The assistant's budget is nearly spent."""

    budget: Annotated[str, Meta(description="The budget's name.")]
    period: Annotated[str, Meta(description="What it is for, such as `2026-11`.")]
    used_percent: Percent
    used: Annotated[float, Meta(description="In the budget's currency.", ge=0)]
    limit: Annotated[float, Meta(description="In the budget's currency.", ge=0)]
    currency: Annotated[str, Meta(description="ISO 4217, such as `EUR`.")]


EVENTS = (EventSpec.of("ai.budget.warning", BudgetWarning, driver_missing=True),)

AI = NativeProvider(events=EVENTS)

"""What assistants spend: the engine counts the calls that each token makes a day."""

from typing import Annotated

import msgspec
from msgspec import Meta

from catalog.events import EventSpec
from runtime.providers.fields import Percent
from runtime.providers.native import NativeProvider


class BudgetWarning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An assistant's budget is nearly or wholly spent.

    It is told once at 80 % and once at 100 %.
    """

    budget: Annotated[str, Meta(description="The budget's name: the token's.")]
    credential_id: Annotated[str, Meta(description="The token whose budget it is.")]
    period: Annotated[str, Meta(description="The day it is for, in UTC, such as `2026-11-21`.")]
    used_percent: Percent
    used: Annotated[float, Meta(description="In the budget's currency.", ge=0)]
    limit: Annotated[float, Meta(description="In the budget's currency.", ge=0)]
    currency: Annotated[str, Meta(description="ISO 4217, such as `EUR`; `XXX` (no currency) where calls are counted.")]


EVENTS = (EventSpec.of("ai.budget.warning", BudgetWarning),)

AI = NativeProvider(events=EVENTS)

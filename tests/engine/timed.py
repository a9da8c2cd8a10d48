"""A house whose clock the test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from api.wiring import build
from engine.ports import Clock
from tests.engine import house as houses
from tests.engine.house import House


@asynccontextmanager
async def timed_house(data: Path, clock: Clock, **settings: Any) -> AsyncIterator[House]:
    """`house`, built on this clock."""
    with patch.object(houses, "build", partial(build, clock=clock)):
        async with houses.house(data, **settings) as home:
            yield home

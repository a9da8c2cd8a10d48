"""`time.now`: the machine's clock, in the zone that was asked for."""

import time
from datetime import datetime

import pytest

from catalog.errors import Invalid
from catalog.jsonvalue import Json
from catalog.operations import Read
from catalog.schemas import converter
from runtime.providers.time import TIME, WEEKDAYS, Now
from tests.fakes.ports import FakePorts


async def ask(params: Json) -> Now:
    code = TIME.code("time.now")
    assert isinstance(code, Read)
    answer = await code.handler(converter(code.params)(params), FakePorts().call("time.now"))
    assert isinstance(answer, Now)
    return answer


async def test_one_moment_is_told_alike_in_every_zone() -> None:
    before = int(time.time())
    there, here = await ask({"zone": "Asia/Kathmandu"}), await ask({})
    assert before <= there.epoch <= here.epoch <= int(time.time())
    for told, offset in ((there, 5.75 * 3600), (here, 0)):
        read = datetime.fromisoformat(told.time)
        assert (int(read.timestamp()), read.utcoffset().total_seconds()) == (told.epoch, offset)  # type: ignore[union-attr]
        assert (read.hour, read.minute, WEEKDAYS[read.weekday()]) == (told.hour, told.minute, told.weekday)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "Europe", "x\0y"])
async def test_what_is_no_zone_is_refused_by_name(zone: str) -> None:
    with pytest.raises(Invalid) as refused:
        await ask({"zone": zone})
    assert refused.value.code == "TIME_ZONE"

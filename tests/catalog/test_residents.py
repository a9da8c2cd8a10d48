"""Residents: what is kept open between calls is made once, and closed when it is idle, dropped or at the end."""

from catalog.residents import IDLE_SECONDS, Residents


class Desk:
    """Residents with a clock and a list of what was closed."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made: list[str] = []
        self.closed: list[str] = []
        self.residents = Residents(lambda: self.now)

    def keep(self, key: str) -> str:
        """A thing of that key."""

        def make() -> str:
            self.made.append(key)
            return f"{key}-{len(self.made)}"

        return self.residents.keep(key, make, self.closed.append)


def test_a_thing_is_made_once_for_each_key() -> None:
    desk = Desk()
    assert [desk.keep("a"), desk.keep("b"), desk.keep("a")] == ["a-1", "b-2", "a-1"]
    assert desk.closed == []


def test_what_nobody_asks_for_is_closed_and_what_is_asked_for_stays() -> None:
    desk = Desk()
    desk.keep("idle")
    for _ in range(3):
        desk.now += IDLE_SECONDS / 2
        desk.keep("used")
    assert desk.closed == ["idle-1"]
    assert desk.keep("idle") == "idle-3"
    assert desk.keep("used") == "used-2"


def test_what_is_dropped_is_closed_and_made_anew() -> None:
    desk = Desk()
    desk.keep("a")
    desk.residents.drop("a")
    desk.residents.drop("never there")
    assert desk.closed == ["a-1"]
    assert desk.keep("a") == "a-2"


async def test_the_end_closes_everything() -> None:
    desk = Desk()
    desk.keep("a")
    desk.keep("b")
    await desk.residents.shut()
    assert sorted(desk.closed) == ["a-1", "b-2"]
    assert desk.keep("a") == "a-3"

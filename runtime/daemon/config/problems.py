"""Problems: everything that is wrong with a configuration, said at once."""

from catalog.errors import Invalid


class Problems:
    """What is wrong so far, and what is only to be warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._wrong: list[dict[str, str]] = []

    def wrong(self, key: str, place: str, form: str) -> None:
        """The value of `key` at `place` is not `form`."""
        self._wrong.append({"key": key, "place": place, "expected": form})

    def check(self) -> None:
        """Raise Invalid CONFIG_INVALID if anything is wrong."""
        if not self._wrong:
            return
        count = len(self._wrong)
        said = "; ".join(f"`{each['key']}` ({each['place']}) must be {each['expected']}" for each in self._wrong)
        raise Invalid(
            "CONFIG_INVALID",
            f"The configuration has {count} wrong value{'' if count == 1 else 's'}: {said}.",
            hint="Mend them; samples/fabricksd/config.toml shows every key with its default.",
            details={"problems": self._wrong},
        )

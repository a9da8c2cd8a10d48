"""The canonical form: `fabric fmt`. Same meaning, same comments, one order of keys, one way to write each value."""

from catalog.errors import ConnectionInvalid, FabricError
from catalog.jsonvalue import Json, canonical
from connections.comments import Comments, comments_of
from connections.model import API_VERSION, KIND
from connections.parse import FIELDS, STEP_FIELDS, Draft, draft
from connections.source import read
from connections.yaml_text import MAX_SIMPLE_KEY, block, scalar

WIDTH = 100
_CONDITION = ("field", "operator", "value", "all", "any", "not")
_FOREACH = ("in", "as", "max_parallel", "max_items")
_RETRY = ("max_attempts", "delay", "max_delay", "backoff", "on")
_ONE_LINE = (set(_CONDITION[:3]), set(_FOREACH), set(_RETRY))


def format_text(source: str | bytes) -> bytes:
    """A Connection's text in canonical form, UTF-8. Formatting that once more changes nothing.

    Raises ConnectionInvalid where the text is no Connection.
    """
    found = _read(source)
    text = source.decode() if isinstance(source, bytes) else source
    events = found.document.events
    comments = comments_of(text.removeprefix("\ufeff"), events()) if events is not None else Comments()
    return _written(found.document.value, comments)


def format_value(value: dict[str, Json]) -> bytes:
    """A Connection's object in canonical form. Raises ConnectionInvalid."""
    return _written(_read(value).document.value, Comments())


def _read(source: str | bytes | dict[str, Json]) -> Draft:
    found = draft(source)
    if found.connection is None or found.document.findings.failed:
        raise ConnectionInvalid(found.document.located())
    return found


def _written(value: dict[str, Json], comments: Comments) -> bytes:
    value = {**_HEAD, **value}
    writer = _Writer(comments)
    result = writer.document(_ordered(value, ()))
    again = read(result)
    if writer.written != comments.count or again.findings.failed or canonical(again.value) != canonical(value):
        raise FabricError(
            "FORMAT_UNSAFE",
            "The file cannot be rewritten without losing something.",
            hint="Leave it as it is, and report it.",
        )
    return result.encode()


_HEAD = {"apiVersion": API_VERSION, "kind": KIND}


def _ordered(value: Json, path: tuple[str | int, ...]) -> Json:
    """The value with the keys of the language in their canonical order; an author's own keys keep theirs."""
    if isinstance(value, list):
        return [_ordered(each, (*path, number)) for number, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    order = _order(path)
    names = [*(each for each in order if each in value), *(each for each in value if each not in order)]
    return {each: _ordered(value[each], (*path, each)) for each in names}


def _order(path: tuple[str | int, ...]) -> tuple[str, ...]:
    if not path:
        return FIELDS
    if path[0] == "conditions" and len(path) > 1:
        return _CONDITION
    if path[0] != "steps" or len(path) < 2:
        return ()
    if len(path) == 2:
        return STEP_FIELDS
    return {"if": _CONDITION, "foreach": _FOREACH, "retry": _RETRY}.get(str(path[2]), ())


class _Writer:
    """Lines of YAML; counts the comments it has put back."""

    def __init__(self, comments: Comments) -> None:
        self._comments = comments
        self._lines: list[str] = []
        self.written = 0

    def document(self, value: dict[str, Json]) -> str:
        self._put(self._comments.head, "")
        self._mapping(value, "", "")
        self._put(self._comments.foot, "")
        return "\n".join((*self._lines, ""))

    def _put(self, comments: list[str], pad: str) -> None:
        self._lines += [f"{pad}{each}" for each in comments]
        self.written += len(comments)

    def _before(self, at: str, pad: str, *, room: bool = True) -> str:
        """Write what stands above, and answer what stands beside: one comment at most, the others go above."""
        beside = self._comments.beside.get(at, [])
        kept = beside[:1] if room else []
        self._put([*self._comments.above.get(at, []), *beside[len(kept) :]], pad)
        self.written += len(kept)
        return f"  {kept[0]}" if kept else ""

    def _mapping(self, value: dict[str, Json], pad: str, at: str) -> None:
        for key, each in value.items():
            place = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
            beside = self._before(place, pad)
            name = scalar(key)
            head = f"{pad}{name}:" if len(name) <= MAX_SIMPLE_KEY else f"{pad}? {name}\n{pad}:"
            self._value(each, head, beside, pad, place)

    def _sequence(self, value: list[Json], pad: str, at: str) -> None:
        for number, each in enumerate(value):
            place = f"{at}/{number}"
            long = isinstance(each, dict | list) and bool(each) and not self._fits(each, f"{pad}-", place)
            # A lone dash is followed by what it holds: a comment there would speak of that.
            beside = self._before(place, pad, room=not long)
            if long and isinstance(each, dict):
                self._item(each, pad, place)
            else:
                self._value(each, f"{pad}-", beside, pad, place)

    def _item(self, value: dict[str, Json], pad: str, at: str) -> None:
        """A mapping whose first key stands beside the dash; what stands above that key stands above the dash."""
        start = len(self._lines)
        self._mapping(value, f"{pad}  ", at)
        while self._lines[start].lstrip().startswith("#"):
            self._lines[start] = self._lines[start][2:]
            start += 1
        self._lines[start] = f"{pad}- {self._lines[start][len(pad) + 2 :]}"

    def _value(self, value: Json, head: str, beside: str, pad: str, at: str) -> None:
        inner = f"{pad}  "
        lines = block(value, inner) if isinstance(value, str) else None
        if lines is not None:
            first, *rest = lines
            self._lines += [f"{head} {first}{beside}", *rest]
        elif not isinstance(value, dict | list) or not value or self._fits(value, head, at):
            self._lines.append(f"{head} {_flow(value)}{beside}")
        else:
            self._lines.append(f"{head}{beside}")
            if isinstance(value, dict):
                self._mapping(value, inner, at)
            else:
                self._sequence(value, inner, at)

    def _fits(self, value: Json, head: str, at: str) -> bool:
        """May the collection stand in one line? Short lists of scalars, and the language's own small mappings."""
        if self._comments.inside(at):
            return False
        if isinstance(value, dict):
            small = any(value.keys() <= each for each in _ONE_LINE) and not at.startswith(_params_of(at))
            plain = small and all(_is_flat(each) for each in value.values())
        else:
            plain = _is_flat(value)
        return plain and len(head) + 1 + len(_flow(value)) <= WIDTH


def _params_of(at: str) -> str:
    """The pointer of the parameters that `at` lies in; a pointer that nothing begins with where it lies elsewhere."""
    parts = at.split("/")
    return "/".join(parts[:4]) if len(parts) > 3 and parts[1] == "steps" and parts[3] == "params" else "\0"


def _is_flat(value: Json) -> bool:
    if isinstance(value, list):
        return not any(isinstance(each, dict | list) for each in value)
    return not isinstance(value, dict) or not value


def _flow(value: Json) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return scalar(value)

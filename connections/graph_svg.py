"""A Plan as a picture: SVG by layers, drawn by hand, no library. Readable on light and dark backgrounds."""

from xml.sax.saxutils import escape

from connections.graph_text import label, marks, sentence
from connections.plan import Plan, PlannedStep

BOX_WIDTH = 260
LANE_WIDTH = 16
LINE = 18
PADDING = 12
GAP_X = 28
GAP_Y = 46
MARGIN = 24
_LETTER = 7.3
_BOLD_LETTER = 8.4
"""The width of a letter at 12 px, about: enough to cut a line before it leaves its box."""

_STYLE = """
  .box { fill: #ffffff; stroke: #334155; stroke-width: 1.5; }
  .source { fill: #e0f2fe; stroke: #0369a1; stroke-width: 1.5; }
  .write { stroke: #b45309; stroke-dasharray: 6 3; }
  .edge { fill: none; stroke: #64748b; stroke-width: 1.5; }
  .name { font: 600 13px system-ui, sans-serif; fill: #0f172a; }
  .line { font: 12px system-ui, sans-serif; fill: #334155; }
"""


class Place:
    """A place in a row: a box with lines of text, or a lane (no lines) that an edge goes down to a row below.

    `x` and `y` are its upper left corner, in pixels; `above` are the places whose edges come in.
    """

    def __init__(self, kind: str, lines: list[str]) -> None:
        self.kind = kind
        self.lines = lines
        self.above: list[Place] = []
        self.x = 0.0
        self.y = 0.0
        self.width = BOX_WIDTH if lines else LANE_WIDTH
        self.height = PADDING * 2 + LINE * len(lines) - 4 if lines else 0

    @property
    def centre(self) -> float:
        """Where edges meet it, across."""
        return self.x + self.width / 2

    def draw(self) -> list[str]:
        """The elements of a box; none for a lane."""
        if not self.lines:
            return []
        found = [
            f'<rect class="{self.kind}" x="{self.x:g}" y="{self.y:g}" width="{self.width}" '
            f'height="{self.height:g}" rx="{14 if self.kind == "source" else 6}"/>'
        ]
        for number, text in enumerate(self.lines):
            style, letter = ("name", _BOLD_LETTER) if number == 0 else ("line", _LETTER)
            y = self.y + PADDING + 10 + number * LINE
            cut = _cut(text, letter)
            whole = "" if cut == text else f"<title>{escape(text)}</title>"
            found.append(f'<text class="{style}" x="{self.x + PADDING:g}" y="{y:g}">{whole}{escape(cut)}</text>')
        return found


def svg(plan: Plan) -> str:
    """An SVG document: the source on top, every step below what it needs, a dashed frame round what is staged."""
    rows = _rows(plan)
    width = max(_row_width(row) for row in rows) + MARGIN * 2
    height = _place(rows, width)
    places = [each for row in rows for each in row]
    body = [_edge(above, each) for each in places for above in each.above]
    body += [line for each in places for line in each.draw()]
    return "\n".join((*_head(plan, width, height), *body, "</svg>", ""))


def _rows(plan: Plan) -> list[list[Place]]:
    """The source, then steps by their longest way from it; an edge past a row has a lane there."""
    patterns = [each.text for each in plan.source_patterns]
    source = Place("source", [*patterns, *(sentence(each) for each in plan.connection.conditions or ())])
    boxes = [Place("box write" if step.operation.write else "box", _lines(step)) for step in plan.steps]
    depth: dict[int, int] = {}
    rows = [[source]]
    for index in plan.order:
        needs = plan.steps[index].needs
        depth[index] = max((depth[need] for need in needs), default=0) + 1
        if depth[index] == len(rows):
            rows.append([])
        rows[depth[index]].append(boxes[index])
    for index in plan.order:
        for need in plan.steps[index].needs:
            boxes[index].above.append(_down(boxes[need], rows[depth[need] + 1 : depth[index]]))
        if not plan.steps[index].needs:
            boxes[index].above.append(source)
    return rows


def _down(above: Place, passed: list[list[Place]]) -> Place:
    """The place that an edge from `above` comes from, after a lane through each row that it passes."""
    for row in passed:
        lane = Place("lane", [])
        lane.above.append(above)
        row.append(lane)
        above = lane
    return above


def _lines(step: PlannedStep) -> list[str]:
    return [label(step), step.operation.id, *marks(step)]


def _row_width(row: list[Place]) -> float:
    return sum(each.width for each in row) + GAP_X * (len(row) - 1)


def _place(rows: list[list[Place]], width: float) -> float:
    """Give every place its corner, each row in the order of what is above; answers the height of the picture."""
    y: float = MARGIN
    for row in rows:
        row.sort(key=lambda each: sum(one.centre for one in each.above) / max(len(each.above), 1))
        x = (width - _row_width(row)) / 2
        for each in row:
            each.x, each.y = x, y
            x += each.width + GAP_X
        y += max(each.height for each in row) + GAP_Y
        for each in row:
            if not each.lines:
                each.height = max(other.height for other in row)
    return y - GAP_Y + MARGIN


def _edge(above: Place, below: Place) -> str:
    x1, y1, x2, y2 = above.centre, above.y + above.height, below.centre, below.y
    bend = (y2 - y1) / 2
    path = f"M{x1:g},{y1:g} C{x1:g},{y1 + bend:g} {x2:g},{y2 - bend:g} {x2:g},{y2:g}"
    if not below.lines:
        return f'<path class="edge" d="{path} V{y2 + below.height:g}"/>'
    return f'<path class="edge" marker-end="url(#tip)" d="{path}"/>'


def _head(plan: Plan, width: float, height: float) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(plan.name)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#64748b"/></marker></defs>',
    ]


def _cut(text: str, letter: float) -> str:
    room = int((BOX_WIDTH - 2 * PADDING) / letter)
    return text if len(text) <= room else f"{text[: room - 1]}…"

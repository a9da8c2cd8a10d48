"""A Plan as a picture: SVG by layers, drawn by hand, no library. Readable on light and dark backgrounds."""

from xml.sax.saxutils import escape

from connections.graph_text import label, marks, sentence
from connections.plan import Plan, PlannedStep

BOX_WIDTH = 240
LINE = 18
PADDING = 12
GAP_X = 28
GAP_Y = 46
MARGIN = 24
_LETTER = 7.2
"""The width of a letter at 12 px, about: enough to cut a line before it leaves its box."""

_STYLE = """
  .box { fill: #ffffff; stroke: #334155; stroke-width: 1.5; }
  .source { fill: #e0f2fe; stroke: #0369a1; stroke-width: 1.5; }
  .write { stroke: #b45309; stroke-dasharray: 6 3; }
  .edge { fill: none; stroke: #64748b; stroke-width: 1.5; }
  .name { font: 600 13px system-ui, sans-serif; fill: #0f172a; }
  .line { font: 12px system-ui, sans-serif; fill: #334155; }
"""


class _Box:
    """A rectangle with lines of text; `x` and `y` are its upper left corner, in pixels."""

    def __init__(self, lines: list[str], kind: str) -> None:
        self.lines = lines
        self.kind = kind
        self.x = 0.0
        self.y = 0.0
        self.height = PADDING * 2 + LINE * len(lines) - 4

    def draw(self) -> list[str]:
        radius = 14 if self.kind == "source" else 6
        found = [
            f'<rect class="{self.kind}" x="{self.x:g}" y="{self.y:g}" width="{BOX_WIDTH}" '
            f'height="{self.height:g}" rx="{radius}"/>'
        ]
        for number, text in enumerate(self.lines):
            style = "name" if number == 0 else "line"
            y = self.y + PADDING + 10 + number * LINE
            found.append(f'<text class="{style}" x="{self.x + PADDING:g}" y="{y:g}">{escape(_cut(text))}</text>')
        return found


def svg(plan: Plan) -> str:
    """An SVG document: the source on top, every step below what it needs, a dashed frame round what is staged."""
    source = _Box([" or ".join(each.text for each in plan.source_patterns), *_conditions(plan)], "source")
    boxes = [_Box(_lines(step), "box write" if step.operation.write else "box") for step in plan.steps]
    rows = [[source], *([boxes[index] for index in row] for row in _layers(plan))]
    width = max(len(row) for row in rows) * (BOX_WIDTH + GAP_X) - GAP_X + MARGIN * 2
    height = _place(rows, width)
    edges = [(source, boxes[root]) for root in plan.roots]
    edges += [(boxes[need], boxes[step.index]) for step in plan.steps for need in step.needs]
    body = [_edge(above, below) for above, below in edges]
    body += [line for row in rows for box in row for line in box.draw()]
    return "\n".join((*_head(plan, width, height), *body, "</svg>", ""))


def _head(plan: Plan, width: float, height: float) -> list[str]:
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">',
        f"<title>{escape(plan.name)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#64748b"/></marker></defs>',
    ]


def _lines(step: PlannedStep) -> list[str]:
    return [label(step), step.operation.id, *marks(step)]


def _conditions(plan: Plan) -> list[str]:
    return [sentence(each) for each in plan.connection.conditions or ()]


def _layers(plan: Plan) -> list[list[int]]:
    """Steps by their longest way from the source, in running order."""
    depth: dict[int, int] = {}
    for index in plan.order:
        depth[index] = max((depth[need] + 1 for need in plan.steps[index].needs), default=0)
    rows: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for index in plan.order:
        rows[depth[index]].append(index)
    return rows


def _place(rows: list[list[_Box]], width: float) -> float:
    """Give every box its corner; answers the height of the picture."""
    y: float = MARGIN
    for row in rows:
        x = (width - len(row) * (BOX_WIDTH + GAP_X) + GAP_X) / 2
        for box in row:
            box.x, box.y = x, y
            x += BOX_WIDTH + GAP_X
        y += max(box.height for box in row) + GAP_Y
    return y - GAP_Y + MARGIN


def _edge(above: _Box, below: _Box) -> str:
    x1, y1 = above.x + BOX_WIDTH / 2, above.y + above.height
    x2, y2 = below.x + BOX_WIDTH / 2, below.y
    bend = min(GAP_Y * 0.8, (y2 - y1) / 2)
    path = f"M{x1:g},{y1:g} C{x1:g},{y1 + bend:g} {x2:g},{y2 - bend:g} {x2:g},{y2:g}"
    return f'<path class="edge" marker-end="url(#tip)" d="{path}"/>'


def _cut(text: str) -> str:
    room = int((BOX_WIDTH - 2 * PADDING) / _LETTER)
    return text if len(text) <= room else f"{text[: room - 1]}…"

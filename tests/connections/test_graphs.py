"""Pictures of a Plan: terminal, Mermaid, SVG."""

from xml.etree import ElementTree

import connections
from connections.graph_svg import svg
from connections.graph_text import mermaid, terminal
from connections.plan import Plan
from tests.connections.world import native_catalog

_SOURCE = """
name: porch <&> "archive"
source_event: [cameras.event.person, cameras.event.motion]
conditions:
  - {field: trigger.camera_id, operator: in, value: ["<a>"]}
  - {any: [{field: trigger.zone, operator: exists}, {not: {field: trigger.zone, operator: eq, value: x}}]}
steps:
  - id: snap
    operation_id: cameras.snapshot
    params: {controller_id: "{{trigger.controller_id}}", camera_id: "{{trigger.camera_id}}"}
    retry: {max_attempts: 3}
  - id: keep
    operation_id: storage.store_blob
    params: {controller_id: 3f2b8a52-0d1e-4c55-9a77-5f8f3c1f0a01, path: "porch/{{run.id}}.jpg"}
  - id: tell
    operation_id: fabric.log
    needs: []
  - operation_id: fabric.log
    needs: [keep, tell]
    join: any
    if: [{field: steps.keep.success, operator: eq, value: true}]
"""


def _plan() -> Plan:
    return connections.compile(_SOURCE, native_catalog())


def test_the_terminal_shows_order_needs_and_what_is_staged() -> None:
    assert terminal(_plan()) == (
        'porch <&> "archive"\n'
        "when cameras.event.person or cameras.event.motion\n"
        '  and trigger.camera_id in ["<a>"]\n'
        '  and any of (trigger.zone exists, not (trigger.zone eq "x"))\n'
        "├─ snap  cameras.snapshot  (at once; up to 3 attempts)\n"
        "├─ keep  storage.store_blob  (after snap; staged)\n"
        "├─ tell  fabric.log  (at once)\n"
        "└─ 3     fabric.log  (after keep, tell; if; join any)\n"
    )


def test_mermaid_has_a_box_a_step_and_an_edge_a_need() -> None:
    lines = mermaid(_plan()).splitlines()
    assert lines[0] == "flowchart TD"
    for edge in ("source --> s0", "source --> s2", "s0 --> s1", "s1 --> s3", "s2 --> s3", "class s1 staged"):
        assert f"  {edge}" in lines


def test_what_svg_cuts_is_whole_in_its_title() -> None:
    identity = "keep-the-picture-of-every-person-at-the-porch"
    text = f"name: t\nsource_event: ingest.external\nsteps:\n  - {{id: {identity}, operation_id: fabric.log}}\n"
    drawn = svg(connections.compile(text, native_catalog()))
    assert f"<title>{identity}</title>" in drawn


def test_svg_is_well_formed_and_no_two_boxes_meet() -> None:
    root = ElementTree.fromstring(svg(_plan()))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [
        tuple(float(each.attrib[name]) for name in ("x", "y", "width", "height")) for each in root.iter(f"{space}rect")
    ]
    assert len(boxes) == 5
    assert len(list(root.iter(f"{space}path"))) == 1 + 6  # the tip, five edges, and one through a lane
    for place, (x, y, width, height) in enumerate(boxes):
        assert x >= 0
        assert x + width <= float(root.attrib["width"])
        assert y + height <= float(root.attrib["height"])
        for x2, y2, width2, height2 in boxes[place + 1 :]:
            assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y
    title = root.find(f"{space}title")
    assert title is not None
    assert title.text == 'porch <&> "archive"'

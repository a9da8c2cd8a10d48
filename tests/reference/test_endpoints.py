"""Every endpoint of the reference: the request as printed, the answer with the printed keys, types and status."""

import pytest

from tests.reference.samples import Sample, samples
from tests.reference.shapes import differences
from tests.reference.story import Told

CREATES = frozenset({"POST /v1/services", "POST /v1/services/run-module", "POST /v1/networks", "POST /v1/volumes"})
"""Answered with 201; everything else with 200."""

PRINTED = [each for each in samples().values() if each.response is not None]


@pytest.mark.reference("endpoint *", "request *", "response *")
@pytest.mark.parametrize("sample", PRINTED, ids=lambda each: each.name)
def test_the_request_as_printed_gets_the_answer_as_printed(told: Told, sample: Sample) -> None:
    sent = told[sample.name]
    assert sent.reply.status == (201 if sample.name in CREATES else 200), sent.reply.content
    assert sent.reply.headers["content-type"] == "application/json"
    assert list(differences(sample.response, sent.reply.body)) == []
    assert (sent.body is None) == (sample.request is None)
    assert sample.request is None or sent.body.keys() == sample.request.keys()


def test_the_story_tells_of_every_endpoint_that_is_printed(told: Told) -> None:
    assert told.keys() == {each.name for each in PRINTED}
    assert len(PRINTED) == 29


@pytest.mark.reference("request POST /v1/services *")
def test_what_was_asked_for_is_what_is_shown(told: Told) -> None:
    asked, shown = told["POST /v1/services"].body, told["GET /v1/services/{id}"].reply.body["data"]
    for field in ("name", "image", "networks", "environment", "ports"):
        assert shown[field] == asked[field], field
    assert shown["volumes"] == [{**each, "read_only": False} for each in asked["volumes"]]
    for field in ("health_check", "restart_policy"):
        assert asked[field].items() <= shown[field].items(), field
    assert asked["replicas"].items() <= shown["replicas"].items()
    assert shown["replicas"]["desired"] == asked["replicas"]["min"]
    assert shown["resources"]["memory"]["limit"] == asked["resources"]["memory"]
    assert shown["resources"]["cpu"]["limit"] == asked["resources"]["cpu"]


@pytest.mark.reference("request PATCH /v1/services/{id} *", "response PATCH /v1/services/{id} *")
def test_a_patch_as_printed_changes_what_it_names_and_nothing_else(told: Told) -> None:
    assert told["PATCH /v1/services/{id}"].reply.body["data"]["revision"] == 2

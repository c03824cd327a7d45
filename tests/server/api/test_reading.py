"""A member gets the list and the diaries they are cleared for, as ciphertext; what else there is, nobody learns."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from tests.server.api.conftest import CANARY, DIARY, LIST, Shelf, proof, refusal

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from integration.diary.keys import Identity

LOG = "/api/v1/log"


def test_a_member_gets_the_list_of_incidents_they_are_cleared_for(
    client: FlaskClient, robert: Identity
) -> None:
    answer = client.get(LIST, headers=proof(robert, LIST))

    assert answer.status_code == 200
    assert json.loads(answer.data) == {
        "incidents": [
            {
                "id": "inc_abcdefghijklmnopqrstuvwxyz",
                "code_name": "BLUE-JAY-27",
                "type": "Conduct Enforcement",
                "stage": "Reported",
                "impact": 2,
                "likelihood": None,
                "lead": "robert",
                "secondary": None,
                "ticket": "github:acme/conduct#17",
                "ticket_url": "https://github.example/acme/conduct/issues/17",
                "ticket_id": None,
                "opened_at": "2026-11-21T09:30:00Z",
            }
        ]
    }


def test_a_member_gets_a_diary_as_ciphertext_with_its_head(client: FlaskClient, robert: Identity) -> None:
    answer = client.get(DIARY, headers=proof(robert, DIARY))

    served = json.loads(answer.data)
    assert answer.status_code == 200
    assert served["incident"]["code_name"] == "BLUE-JAY-27"
    assert served["head"] == {"seq": 2, "part": 1, "link": "l" * 43}
    assert served["part_bytes"] == 44_000
    assert served["comments"] == ["sealed 1 of inc_abcdefghijklmnopqrstuvwxyz", "sealed 2"]


def test_a_member_who_is_cleared_for_nothing_gets_an_empty_list(
    client: FlaskClient, miriam: Identity
) -> None:
    answer = client.get(LIST, headers=proof(miriam, LIST))

    assert json.loads(answer.data) == {"incidents": []}


def test_not_cleared_and_not_existing_are_the_same_answer_byte_for_byte(
    client: FlaskClient, robert: Identity, miriam: Identity
) -> None:
    missing = DIARY.replace("BLUE-JAY-27", "AMBER-HERON-42")

    not_cleared = client.get(DIARY, headers=proof(miriam, DIARY))
    not_there = client.get(missing, headers=proof(miriam, missing))
    not_there_for_a_reader = client.get(missing, headers=proof(robert, missing))

    assert not_cleared.status_code == 404
    assert not_cleared.data == not_there.data == not_there_for_a_reader.data
    assert list(not_cleared.headers) == list(not_there.headers) == list(not_there_for_a_reader.headers)


@pytest.mark.parametrize("target", [LIST, DIARY, DIARY.replace("BLUE-JAY-27", "AMBER-HERON-42")])
def test_no_answer_may_be_stored(client: FlaskClient, robert: Identity, target: str) -> None:
    proven = client.get(target, headers=proof(robert, target))
    refused = client.get(target)

    assert proven.headers["Cache-Control"] == refused.headers["Cache-Control"] == "no-store"


def test_trouble_of_the_database_is_said_without_its_words(
    client: FlaskClient, shelf: Shelf, robert: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.broken = True

    with caplog.at_level(logging.DEBUG):
        answer = client.get(DIARY, headers=proof(robert, DIARY))

    assert refusal(answer) == (503, "store")
    assert CANARY not in answer.text + caplog.text


def test_the_log_lists_every_incident_and_whether_the_member_is_cleared(
    client: FlaskClient, robert: Identity, miriam: Identity
) -> None:
    for who, cleared in ((robert, True), (miriam, False)):
        (row,) = json.loads(client.get(LOG, headers=proof(who, LOG)).data)["incidents"]

        assert ("BLUE-JAY-27", cleared) == (row["code_name"], row["cleared"])
        assert "comments" not in row

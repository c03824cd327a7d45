"""What a cleared member writes, restores or erases is done; of any other request nothing is, and its sender learns nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.errors import CoCError, HeadConflict, HostUnavailable, StoreError, WriteRefused
from integration.incident import Alias
from tests.server.api.conftest import BLUE_JAY, CANARY, DIARY, Work, proof, refusal

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from integration.diary.keys import Identity

RESTORE = "/api/v1/incidents/BLUE-JAY-27/restore"
ERASE = "/api/v1/incidents/BLUE-JAY-27/erase"

WRITTEN = {"head": {"seq": 2, "part": 1, "link": "l" * 43}, "comments": ["one", "two"], "readers": ["robert"]}


def posted(client: FlaskClient, who: Identity, target: str, body: object) -> TestResponse:
    raw = json.dumps(body).encode()
    return client.post(target, data=raw, headers=proof(who, target, method="POST", body=raw))


def test_what_a_cleared_member_writes_is_recorded_and_the_new_head_is_said(
    client: FlaskClient, work: Work, robert: Identity
) -> None:
    answer = posted(client, robert, DIARY, WRITTEN)

    assert (200, {"head": {"seq": 3, "part": 1, "link": "n" * 43}}) == (
        answer.status_code,
        json.loads(answer.data),
    )
    assert work.written == [
        (BLUE_JAY.id, ("one", "two"), Head(BLUE_JAY.id, 2, 1, Link("l" * 43)), (Alias("robert"),))
    ]


@pytest.mark.parametrize("target", [DIARY, RESTORE])
@pytest.mark.parametrize("body", [WRITTEN, {"comments": 7}])
def test_who_is_not_cleared_writes_nothing_and_learns_nothing(
    client: FlaskClient, work: Work, miriam: Identity, target: str, body: object
) -> None:
    work.refusal = WriteRefused("It was not made with the epoch's key.")
    unknown = target.replace("BLUE-JAY-27", "NO-SUCH-10")

    there, nowhere = posted(client, miriam, target, body), posted(client, miriam, unknown, body)

    assert (404, there.data) == (there.status_code, nowhere.data)
    assert ([], []) == (work.written, work.restored)


def test_who_reads_with_a_recovery_key_hands_over_a_good_keyring(
    client: FlaskClient, work: Work, miriam: Identity
) -> None:
    """Nobody has cleared them; that it continues the diary proves that they had the epoch's key."""
    answer = posted(client, miriam, DIARY, WRITTEN)

    assert answer.status_code == 200
    assert len(work.written) == 1


def test_a_body_that_was_not_signed_is_refused(client: FlaskClient, work: Work, robert: Identity) -> None:
    raw = json.dumps(WRITTEN).encode()
    headers = proof(robert, DIARY, method="POST", body=raw)

    answer = client.post(DIARY, data=raw.replace(b"two", b"ten"), headers=headers)

    assert (401, []) == (answer.status_code, work.written)


@pytest.mark.parametrize(
    ("refusal_by", "expected"),
    [
        (HeadConflict("The diary has moved on."), (409, "head-conflict")),
        (WriteRefused("Not a continuation."), (422, "write-refused")),
        (StoreError(f"The database said {CANARY}."), (503, "store")),
        (HostUnavailable("Away."), (503, "host-unavailable")),
    ],
)
def test_each_refusal_has_its_own_answer(
    client: FlaskClient, work: Work, robert: Identity, refusal_by: CoCError, expected: tuple[int, str]
) -> None:
    work.refusal = refusal_by

    answer = posted(client, robert, DIARY, WRITTEN)

    assert expected == refusal(answer)
    assert CANARY.encode() not in answer.data


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {**WRITTEN, "comments": []},
        {**WRITTEN, "comments": "one"},
        {**WRITTEN, "comments": [1]},
        {**WRITTEN, "head": None},
        {**WRITTEN, "head": {"seq": "2", "part": 1, "link": "x"}},
        {**WRITTEN, "readers": "robert"},
        {**WRITTEN, "readers": [None]},
    ],
)
def test_a_body_of_another_form_is_refused(
    client: FlaskClient, work: Work, robert: Identity, body: object
) -> None:
    assert (422, "write-refused") == refusal(posted(client, robert, DIARY, body))
    assert [] == work.written


@pytest.mark.parametrize("raw", [b"\xff", b"{", b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused(client: FlaskClient, robert: Identity, raw: bytes) -> None:
    answer = client.post(DIARY, data=raw, headers=proof(robert, DIARY, method="POST", body=raw))

    assert (422, "write-refused") == refusal(answer)


@pytest.mark.parametrize("new_ticket", [True, False])
def test_restoring_is_queued(client: FlaskClient, work: Work, robert: Identity, *, new_ticket: bool) -> None:
    answer = posted(client, robert, RESTORE, {"new_ticket": new_ticket})

    assert (202, {"queued": True}) == (answer.status_code, json.loads(answer.data))
    assert [(BLUE_JAY.id, new_ticket)] == work.restored


def test_erasing_is_queued_for_a_cleared_member(client: FlaskClient, work: Work, robert: Identity) -> None:
    answer = posted(client, robert, ERASE, {"seq": 5, "redaction": 7})

    assert (answer.status_code, answer.get_json()) == (202, {"queued": True})
    assert [(5, 7)] == [(seq, redaction) for _, seq, redaction in work.erased]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seq": 5},
        {"seq": "5", "redaction": 7},
        {"seq": True, "redaction": 7},
        {"seq": 5.0, "redaction": 7},
    ],
)
def test_erasing_says_which_entry_and_by_which(
    client: FlaskClient, work: Work, robert: Identity, body: dict[str, object]
) -> None:
    assert posted(client, robert, ERASE, body).status_code == 422
    assert work.erased == []


def test_who_is_not_cleared_erases_nothing_and_learns_nothing(
    client: FlaskClient, work: Work, miriam: Identity
) -> None:
    there = posted(client, miriam, ERASE, {"seq": 5, "redaction": 7})
    nowhere = posted(client, miriam, ERASE.replace("BLUE-JAY-27", "NO-SUCH-10"), {"seq": 5, "redaction": 7})

    assert (there.status_code, there.data) == (404, nowhere.data)
    assert work.erased == []

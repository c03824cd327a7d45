"""What a member's desk talks to. The shelf is a fake in memory; signatures are real."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from integration.code_name import CodeName
from integration.diary.chain import Head
from integration.diary.comment import Link
from integration.diary.keys import Identity, generate_identity
from integration.errors import CoCError, HeadConflict, HostUnavailable, StoreError, WriteRefused
from integration.incident import Alias, IncidentId, IncidentType, Stage
from integration.mirror import TicketName
from integration.risk import Level
from integration.roster import Member, Roster
from integration.signed_request import new_nonce, sign_request
from integration.text import SealedText
from webhook_server.api import api
from webhook_server.api_ports import ShelvedIncident, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

ORIGIN = "https://coc.example.org"
NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
LIST = "/api/v1/incidents"
DIARY = "/api/v1/incidents/BLUE-JAY-27/diary"
CANARY = "canary-9f27c1d06be84c55a1e0f7f3"

BLUE_JAY = ShelvedIncident(
    id=IncidentId("inc_abcdefghijklmnopqrstuvwxyz"),
    code_name=CodeName("BLUE-JAY-27"),
    type=IncidentType.CONDUCT_ENFORCEMENT,
    stage=Stage.REPORTED,
    impact=Level.MEDIUM,
    likelihood=None,
    lead=Alias("robert"),
    secondary=None,
    ticket=TicketName("github:acme/conduct#17"),
    ticket_url="https://github.example/acme/conduct/issues/17",
    opened_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    part_bytes=44_000,
)


class Clock:
    def now(self) -> datetime:
        return NOW


@dataclass
class Shelf:
    """A shelf on which robert is cleared for BLUE-JAY-27, and nobody for AMBER-HERON-42."""

    nonces: set[tuple[str, str]] = field(default_factory=set)
    expiries: list[datetime] = field(default_factory=list)
    broken: bool = False
    incident: ShelvedIncident = BLUE_JAY

    def cleared_incident(self, code_name: str, alias: str) -> ShelvedIncident | None:
        if self.broken:
            raise StoreError(f"The database said {CANARY}.")
        return self.incident if (code_name, alias) == ("BLUE-JAY-27", "robert") else None

    def cleared_incidents(self, alias: str) -> list[ShelvedIncident]:
        return [self.incident] if alias == "robert" else []

    def all_incidents(self, alias: str) -> list[tuple[ShelvedIncident, bool]]:
        return [(self.incident, alias == "robert")]

    def comments(self, incident: IncidentId) -> list[SealedText]:
        return [SealedText(f"sealed 1 of {incident}"), SealedText("sealed 2")]

    def file(self, incident: IncidentId, name: str) -> bytes | None:
        return f"sealed file of {incident}".encode() if name == "0003.age" else None

    def waiting(self, incident: IncidentId) -> Waiting | None:
        del incident
        return Waiting(2, "host-gone", parked=True)

    def head(self, incident: IncidentId) -> Head | None:
        return Head(incident, 2, 1, Link("l" * 43))

    def use_nonce(self, alias: str, nonce: str, expires: datetime) -> bool:
        if (alias, nonce) in self.nonces:
            return False
        self.nonces.add((alias, nonce))
        self.expiries.append(expires)
        return True


@dataclass
class Work:
    """What desks asked for; ``refusal`` is raised instead of doing it."""

    written: list[tuple[IncidentId, tuple[str, ...], Head, tuple[Alias, ...]]] = field(default_factory=list)
    restored: list[tuple[IncidentId, bool]] = field(default_factory=list)
    attached: list[tuple[IncidentId, str, bytes]] = field(default_factory=list)
    erased: list[tuple[IncidentId, int, int]] = field(default_factory=list)
    refusal: CoCError | None = None

    def record(
        self, incident: IncidentId, texts: Sequence[str], head: Head, readers: Sequence[Alias]
    ) -> Head:
        if self.refusal is not None:
            raise self.refusal
        self.written.append((incident, tuple(texts), head, tuple(readers)))
        return Head(incident, head.seq + 1, 1, Link("n" * 43))

    def attach(self, incident: IncidentId, name: str, content: bytes) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.attached.append((incident, name, content))

    def restore(self, incident: IncidentId, *, new_ticket: bool) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.restored.append((incident, new_ticket))

    def erase(self, incident: IncidentId, seq: int, redaction: int) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.erased.append((incident, seq, redaction))


@pytest.fixture(scope="module")
def robert() -> Identity:
    return generate_identity("robert")


@pytest.fixture(scope="module")
def miriam() -> Identity:
    return generate_identity("miriam")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def client(shelf: Shelf, work: Work, robert: Identity, miriam: Identity) -> FlaskClient:
    def roster() -> Roster:
        members = tuple(
            Member(Alias(one.alias), one.recipient, one.signing_key, "", True, (), (), {})  # noqa: FBT003 - on duty
            for one in (robert, miriam)
        )
        return Roster(1, "", "0" * 64, members, (), ())

    app = Flask(__name__)
    app.register_blueprint(api(shelf, work, roster, origin=ORIGIN, clock=Clock()))
    return app.test_client()


def proof(
    signer: Identity,
    target: str,
    *,
    alias: str | None = None,
    origin: str = ORIGIN,
    method: str = "GET",
    body: bytes = b"",
    now: datetime = NOW,
) -> dict[str, str]:
    header = sign_request(
        signer,
        alias=alias or signer.alias,
        origin=origin,
        method=method,
        target=target,
        body=body,
        now=now,
        nonce=new_nonce(),
    )
    return {"Authorization": header}


def refusal(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.data)["error"]


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


def test_a_request_without_proof_is_refused(client: FlaskClient) -> None:
    answer = client.get(DIARY)

    assert refusal(answer) == (401, "bad-proof")
    assert answer.headers["WWW-Authenticate"] == "CoC-SSHSIG"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic cm9iZXJ0OnNlY3JldA==",
        "Bearer abc",
        "CoC-SSHSIG",
        'CoC-SSHSIG alias="robert"',
        'CoC-SSHSIG alias="robert", time="yesterday", nonce="0123456789012345678901", signature="AAAA"',
        'CoC-SSHSIG alias="robert", time="2026-02-31T14:00:00Z", nonce="0123456789012345678901", signature="AAAA"',
        'CoC-SSHSIG alias="robert", time="9999-12-31T23:59:59Z", nonce="0123456789012345678901", signature="AAAA"',
        'CoC-SSHSIG alias="robert", time="0000-01-01T00:00:00Z", nonce="0123456789012345678901", signature="AAAA"',
        'CoC-SSHSIG alias="robert", time="2026-11-22T14:00:00Z", nonce="short", signature="AAAA"',
        'CoC-SSHSIG alias="robert", time="2026-11-22T14:00:00Z", nonce="0123456789012345678901", signature="====="',
        'CoC-SSHSIG alias="robert", time="2026-11-22T14:00:00Z", nonce="0123456789012345678901", signature="AAA"',
        'CoC-SSHSIG alias="röbert", time="2026-11-22T14:00:00Z", nonce="0123456789012345678901", signature="AAAA"',
    ],
)
def test_a_malformed_proof_is_refused(client: FlaskClient, header: str) -> None:
    assert refusal(client.get(DIARY, headers={"Authorization": header})) == (401, "bad-proof")


def test_two_proofs_are_none(client: FlaskClient, robert: Identity) -> None:
    one, two = proof(robert, LIST), proof(robert, LIST)

    answer = client.get(LIST, headers=[*one.items(), *two.items()])

    assert refusal(answer) == (401, "bad-proof")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_from_another_time_is_refused(client: FlaskClient, robert: Identity, minutes: int) -> None:
    answer = client.get(LIST, headers=proof(robert, LIST, now=NOW + timedelta(minutes=minutes)))

    assert refusal(answer) == (401, "stale-request")


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clocks_may_be_five_minutes_apart(client: FlaskClient, robert: Identity, minutes: int) -> None:
    answer = client.get(LIST, headers=proof(robert, LIST, now=NOW + timedelta(minutes=minutes)))

    assert answer.status_code == 200


def test_a_replayed_request_is_refused_as_long_as_it_would_be_in_time(
    client: FlaskClient, shelf: Shelf, robert: Identity
) -> None:
    headers = proof(robert, DIARY, now=NOW - timedelta(minutes=2))

    first, second = client.get(DIARY, headers=headers), client.get(DIARY, headers=headers)

    assert first.status_code == 200
    assert refusal(second) == (401, "replayed-request")
    assert shelf.expiries == [NOW + timedelta(minutes=3)]


def test_a_signature_for_another_path_is_refused(client: FlaskClient, robert: Identity) -> None:
    assert refusal(client.get(DIARY, headers=proof(robert, LIST))) == (401, "bad-proof")


def test_a_signature_for_another_query_is_refused(client: FlaskClient, robert: Identity) -> None:
    assert refusal(client.get(LIST + "?all=1", headers=proof(robert, LIST))) == (401, "bad-proof")


def test_the_query_is_signed_as_sent(client: FlaskClient, robert: Identity) -> None:
    target = LIST + "?after=%C3%A9&x=a+b"

    assert client.get(target, headers=proof(robert, target)).status_code == 200


def test_a_signature_for_another_method_is_refused(client: FlaskClient, robert: Identity) -> None:
    assert refusal(client.get(LIST, headers=proof(robert, LIST, method="POST"))) == (401, "bad-proof")


def test_a_signature_for_another_body_is_refused(client: FlaskClient, robert: Identity) -> None:
    answer = client.get(LIST, headers=proof(robert, LIST, body=b"one"), data=b"two")

    assert refusal(answer) == (401, "bad-proof")


def test_a_signature_for_another_origin_is_refused(client: FlaskClient, robert: Identity) -> None:
    """Whatever the Host header says: a proof caught by a false service is worth nothing at the true one."""
    headers = {**proof(robert, LIST, origin="https://evil.example"), "Host": "evil.example"}

    assert refusal(client.get(LIST, headers=headers)) == (401, "bad-proof")


def test_a_signature_by_another_members_key_is_refused(
    client: FlaskClient, robert: Identity, miriam: Identity
) -> None:
    assert refusal(client.get(LIST, headers=proof(miriam, LIST, alias=robert.alias))) == (401, "bad-proof")


def test_an_unknown_alias_is_answered_like_a_wrong_signature(
    client: FlaskClient, robert: Identity, miriam: Identity
) -> None:
    unknown = client.get(LIST, headers=proof(robert, LIST, alias="stranger"))
    wrong = client.get(LIST, headers=proof(miriam, LIST, alias="robert"))

    assert refusal(unknown) == (401, "bad-proof")
    assert unknown.data == wrong.data


def test_nothing_is_remembered_of_a_request_with_a_wrong_signature(
    client: FlaskClient, shelf: Shelf, miriam: Identity
) -> None:
    """Else anybody could fill the database, or use up a member's nonce before they do."""
    client.get(LIST, headers=proof(miriam, LIST, alias="robert"))

    assert shelf.nonces == set()


def test_a_body_that_no_desk_sends_is_not_read(client: FlaskClient, robert: Identity) -> None:
    body = b"x" * (4 * 1024 * 1024 + 1)

    answer = client.get(LIST, headers=proof(robert, LIST, body=body), data=body)

    assert refusal(answer) == (413, "too-large")


def test_trouble_of_the_database_is_said_without_its_words(
    client: FlaskClient, shelf: Shelf, robert: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.broken = True

    with caplog.at_level(logging.DEBUG):
        answer = client.get(DIARY, headers=proof(robert, DIARY))

    assert refusal(answer) == (503, "store")
    assert CANARY not in answer.text + caplog.text


def test_the_log_names_the_kind_of_refusal_and_nothing_of_the_request(
    client: FlaskClient, miriam: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    headers = proof(miriam, f"{LIST}?q={CANARY}", alias="robert")

    with caplog.at_level(logging.DEBUG):
        answer = client.get(f"{LIST}?q={CANARY}", headers=headers)

    assert [record.getMessage() for record in caplog.records] == ["event=desk-refused code=bad-proof"]
    assert CANARY not in answer.text


# What a desk writes ---------------------------------------------------------------------------------


RESTORE = "/api/v1/incidents/BLUE-JAY-27/restore"
ERASE = "/api/v1/incidents/BLUE-JAY-27/erase"
LOG = "/api/v1/log"
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


def test_the_log_lists_every_incident_and_whether_the_member_is_cleared(
    client: FlaskClient, robert: Identity, miriam: Identity
) -> None:
    for who, cleared in ((robert, True), (miriam, False)):
        (row,) = json.loads(client.get(LOG, headers=proof(who, LOG)).data)["incidents"]

        assert ("BLUE-JAY-27", cleared) == (row["code_name"], row["cleared"])
        assert "comments" not in row


FILES = "/api/v1/incidents/BLUE-JAY-27/files/"


def test_a_member_attaches_a_file_as_raw_bytes_larger_than_any_entry(
    client: FlaskClient, work: Work, robert: Identity
) -> None:
    place, content = FILES + "0003.age", bytes(5 * 1024 * 1024)

    answer = client.post(place, data=content, headers=proof(robert, place, method="POST", body=content))

    assert answer.status_code == 202
    assert work.attached == [("inc_abcdefghijklmnopqrstuvwxyz", "0003.age", content)]


def test_a_file_comes_back_as_it_was_stored_and_one_that_is_not_there_is_said_to_be(
    client: FlaskClient, robert: Identity
) -> None:
    stored = client.get(FILES + "0003.age", headers=proof(robert, FILES + "0003.age"))
    absent = client.get(FILES + "0004.age", headers=proof(robert, FILES + "0004.age"))

    assert (stored.status_code, stored.data) == (200, b"sealed file of inc_abcdefghijklmnopqrstuvwxyz")
    assert stored.headers["Content-Type"] == "application/octet-stream"
    assert refusal(absent) == (404, "no-file")


def test_files_of_a_diary_are_for_those_cleared_for_it(
    client: FlaskClient, work: Work, miriam: Identity
) -> None:
    place = FILES + "0003.age"

    assert refusal(client.get(place, headers=proof(miriam, place))) == (404, "not-cleared")
    sent = client.post(place, data=b"x", headers=proof(miriam, place, method="POST", body=b"x"))
    assert refusal(sent) == (404, "not-cleared")
    assert work.attached == []


@pytest.mark.parametrize("name", ["3.age", "00003.age", "0003.txt", "report.age", "0003.age%0A"])
def test_a_file_has_the_name_of_its_entry(
    client: FlaskClient, work: Work, robert: Identity, name: str
) -> None:
    place = FILES + name

    sent = client.post(place, data=b"x", headers=proof(robert, place, method="POST", body=b"x"))

    assert refusal(sent) == (422, "write-refused")
    assert work.attached == []


def test_a_file_larger_than_an_attachment_may_be_is_refused(
    client: FlaskClient, work: Work, robert: Identity
) -> None:
    place, content = FILES + "0003.age", bytes(26 * 1024 * 1024)

    answer = client.post(place, data=content, headers=proof(robert, place, method="POST", body=content))

    assert answer.status_code == 413
    assert work.attached == []

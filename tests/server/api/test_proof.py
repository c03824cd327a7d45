"""A request counts once, for the minutes around it, and only as it was signed by the member it names."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.server.api.conftest import CANARY, DIARY, LIST, NOW, Shelf, proof, refusal

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from integration.diary.keys import Identity


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


def test_the_log_names_the_kind_of_refusal_and_nothing_of_the_request(
    client: FlaskClient, miriam: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    headers = proof(miriam, f"{LIST}?q={CANARY}", alias="robert")

    with caplog.at_level(logging.DEBUG):
        answer = client.get(f"{LIST}?q={CANARY}", headers=headers)

    assert [record.getMessage() for record in caplog.records] == ["event=desk-refused code=bad-proof"]
    assert CANARY not in answer.text

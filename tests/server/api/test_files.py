"""Files of a diary are for those cleared for it, have the name of their entry, and are no larger than allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.api.conftest import Work, proof, refusal

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from integration.diary.keys import Identity

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

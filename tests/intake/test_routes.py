"""The door: one of six answers for anything, an empty body, and not a word of a report in any log."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.errors import StoreError, TooLarge, Unauthenticated
from integration.report import ReportField
from tests.intake.answers import CANARY, answered, with_canary
from webhook_server.answers import MAX_BODY

if TYPE_CHECKING:
    from tests.intake.conftest import Door

pytestmark = pytest.mark.usefixtures("nothing_of_a_report_is_logged")

ELSEWHERE = [
    "/in",
    "/in/",
    "/in//script",
    "/in/nobody",
    "/in/script/",
    "/in/script/more",
    f"/in/{CANARY}",
    "/in/%00",
    "/in/%F0%9F%98%80",
    "/in/..%2fscript",
]


CHUNKED = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
"""What a WSGI server passes on for a body without a declared length."""


def test_signed_report_is_received_once_with_its_id_and_mapping(
    door: Door, generic_report: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    raw = json.dumps(with_canary(generic_report)).encode()

    answered(door.generic(raw), 200)

    ((source, submission_id, report),) = door.received
    assert (source, submission_id) == ("script", "resp-7f3a9c")
    assert report.said(ReportField.SUBJECT) == f"Odile Fairweather{CANARY}"
    assert len(report.other) == 5
    assert CANARY not in f"{report!r} {report}"
    assert door.alerts == []
    assert f"event=intake source=script outcome=received size={len(raw)}" in caplog.messages


def test_typeform_delivery_is_received(door: Door, typeform_report: dict[str, Any]) -> None:
    answered(door.typeform(typeform_report), 200)

    ((source, submission_id, report),) = door.received
    assert (source, submission_id) == ("paper", typeform_report["form_response"]["token"])
    assert report.said(ReportField.ACCOUNT).startswith("A remark in the specification.")


def test_same_delivery_again_is_given_to_the_store_again_which_knows_it(
    door: Door, typeform_report: dict[str, Any]
) -> None:
    answered(door.typeform(typeform_report), 200)
    answered(door.typeform(typeform_report), 200)

    assert len({(source, submission_id) for source, submission_id, _ in door.received}) == 1


def test_what_was_not_sent_is_answered_and_not_stored(door: Door) -> None:
    partial = {"event_type": "form_response_partial", "form_response": {"answers": [{"text": CANARY}]}}

    answered(door.typeform(partial), 200)

    assert (door.received, door.alerts) == ([], [])


def test_an_event_we_do_not_know_is_kept_as_it_came_and_told(door: Door) -> None:
    answered(door.typeform({"event_type": "form_response_edited", "form_response": {"answers": []}}), 200)

    ((_source, _submission_id, report),) = door.received
    assert report.verbatim is not None
    assert len(door.alerts) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Typeform-Signature", "")],
        [("Typeform-Signature", "sha256=")],
        [("Typeform-Signature", "sha256=" + "A" * 43 + "=")],
        [("Typeform-Signature", "sha256=%%%" + CANARY)],
        [("Typeform-Signature", "sha256=\xe9\xff")],
        [("Typeform-Signature", "A" * 100_000)],
        [("Typeform-Signature", "sha256=" + "A" * 43 + "=")] * 2,
        [("X-Hub-Signature-256", "sha256=" + "a" * 64)],
        [("Authorization", f"Bearer {CANARY}")],
    ],
)
@pytest.mark.parametrize("source", ["paper", "script", "nobody"])
def test_wrong_proof_and_unknown_source_get_the_same_answer(
    door: Door, source: str, headers: list[tuple[str, str]]
) -> None:
    answered(door.post(source, CANARY.encode(), headers), 401)

    assert door.received == []
    assert door.alerts == ([] if source == "nobody" else [(source, "unauthenticated")])


def test_right_signature_of_one_source_does_not_open_another(
    door: Door, generic_report: dict[str, Any]
) -> None:
    raw = json.dumps(generic_report).encode()

    answered(door.post("paper", raw, door.standard_headers(raw)), 401)
    answered(door.post("nobody", raw, door.standard_headers(raw)), 401)
    answered(door.post("script", raw, door.standard_headers(raw)), 200)


def test_doubled_signature_header_is_refused_as_a_server_joins_it(
    door: Door, generic_report: dict[str, Any]
) -> None:
    raw = json.dumps(generic_report).encode()
    pairs = list(door.standard_headers(raw).items())

    answered(door.post("script", raw, [*pairs, pairs[2]]), 401)
    joined = {**dict(pairs), "webhook-signature": f"{pairs[2][1]}, {pairs[2][1]}"}
    answered(door.post("script", raw, joined), 401)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_stale_delivery_is_refused_and_named_so_in_the_log(
    door: Door, generic_report: dict[str, Any], minutes: int, caplog: pytest.LogCaptureFixture
) -> None:
    at = door.clock.now() + timedelta(minutes=minutes)

    answered(door.generic(with_canary(generic_report), at=at), 401)

    assert door.received == []
    assert "outcome=stale-delivery" in caplog.text
    assert door.alerts == [("script", "stale-delivery")]


def test_name_of_an_unknown_source_is_not_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    answered(door.post(CANARY, b"{}", {}), 401)

    assert [record.getMessage() for record in caplog.records] == [
        "event=intake source=unknown outcome=unknown-source size=2"
    ]


@pytest.mark.parametrize("path", ELSEWHERE)
@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("POST", 401),
        ("HEAD", 200),
        ("GET", 405),
        ("PUT", 405),
        ("DELETE", 405),
        ("OPTIONS", 405),
        ("PATCH", 405),
    ],
)
def test_no_path_below_in_has_any_other_answer(door: Door, path: str, method: str, status: int) -> None:
    answered(door.client.open(path, method=method, data=CANARY.encode()), status)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 405), ("PUT", 405), ("OPTIONS", 405)])
def test_probe_of_a_source_that_exists(door: Door, method: str, status: int) -> None:
    response = door.client.open("/in/script", method=method)

    answered(response, status)
    assert response.headers.get("Allow") == ("POST, HEAD" if status == 405 else None)


def test_paths_beside_the_intake_are_not_ours(door: Door) -> None:
    assert door.client.post("/inbox").status_code == 404


class Counting(io.BytesIO):
    """A body that knows how much of it was read."""

    taken = 0

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the base class's signature
        got = super().readinto(buffer)
        self.taken += got
        return got

    def read(self, size: int | None = -1) -> bytes:
        got = super().read(size)
        self.taken += len(got)
        return got


def test_body_declared_too_large_is_refused_unread(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    body = Counting(b"x" * 100)

    answered(
        door.client.post(
            "/in/script", input_stream=body, environ_overrides={"CONTENT_LENGTH": str(MAX_BODY + 1)}
        ),
        413,
    )

    assert body.taken == 0
    assert f"outcome=too-large size={MAX_BODY + 1}" in caplog.text
    assert door.alerts == [("script", "too-large")]


def test_chunked_body_is_read_to_the_limit_and_no_further(door: Door) -> None:
    body = Counting(b"x" * (3 * MAX_BODY))

    answered(
        door.client.post("/in/script", input_stream=body, environ_overrides=CHUNKED),
        413,
    )

    assert body.taken == MAX_BODY + 1


@pytest.mark.parametrize("chunked", [False, True])
def test_body_of_exactly_the_limit_is_taken_whole(
    door: Door,
    generic_report: dict[str, Any],
    chunked: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    last = generic_report["data"]["answers"][-1]
    last["answer"] = "x" * (MAX_BODY - len(json.dumps(generic_report)) + len(last["answer"]))
    raw = json.dumps(generic_report).encode()
    assert len(raw) == MAX_BODY

    if chunked:
        response = door.client.post(
            "/in/script",
            input_stream=io.BytesIO(raw),
            headers=door.standard_headers(raw),
            environ_overrides=CHUNKED,
        )
    else:
        response = door.generic(raw)

    answered(response, 200)
    assert len(door.received[0][2].other[-1].answer) == len(last["answer"])


def test_limit_holds_whatever_the_application_allows(door: Door, generic_report: dict[str, Any]) -> None:
    door.app.config["MAX_CONTENT_LENGTH"] = 10

    answered(door.generic(generic_report), 200)


def test_body_that_breaks_off_is_our_trouble_not_a_report(door: Door) -> None:
    answered(
        door.client.post(
            "/in/script", input_stream=io.BytesIO(b"{"), environ_overrides={"CONTENT_LENGTH": "500"}
        ),
        503,
    )

    assert door.received == []


def test_form_encoded_body_is_read_raw(door: Door, generic_report: dict[str, Any]) -> None:
    raw = json.dumps(generic_report).encode()
    response = door.client.post(
        "/in/script",
        data=raw,
        headers=door.standard_headers(raw),
        content_type="application/x-www-form-urlencoded",
    )

    answered(response, 200)
    assert len(door.received) == 1


def test_failing_alert_changes_nothing_for_the_sender(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    door.alert_trouble = RuntimeError(CANARY)

    answered(door.generic(b"{"), 200)

    assert len(door.received) == 1
    assert "event=alert-failed source=script code=unreadable-submission error=RuntimeError" in caplog.text


@pytest.mark.parametrize(
    ("trouble", "named"),
    [
        (StoreError("The database is locked.", next_step="Wait."), "code=store"),
        (RuntimeError(CANARY), "error=RuntimeError"),
        (KeyError(CANARY), "error=KeyError"),
        (TooLarge(CANARY), "code=too-large"),
        (Unauthenticated(CANARY), "code=unauthenticated"),
        (RecursionError(), "error=RecursionError"),
    ],
)
@pytest.mark.parametrize("readable", [True, False])
def test_what_is_not_stored_is_never_acknowledged(
    door: Door,
    generic_report: dict[str, Any],
    trouble: Exception,
    named: str,
    readable: bool,  # noqa: FBT001 - a parameter of the test
    caplog: pytest.LogCaptureFixture,
) -> None:
    door.trouble = trouble

    response = door.generic(with_canary(generic_report) if readable else CANARY.encode())

    answered(response, 503)
    assert response.headers["Retry-After"] == "120"
    assert door.alerts == [("script", "intake")]
    (line,) = caplog.messages
    assert "outcome=failed" in line
    assert line.endswith(named)


def test_broken_clock_is_our_trouble(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError(CANARY)

    headers = door.standard_headers(b"{}")
    monkeypatch.setattr(door.clock, "now", broken)

    answered(door.post("script", b"{}", headers), 503)


@given(raw=st.binary(max_size=300), signed=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_get_one_of_our_answers_and_authentic_ones_are_not_lost(
    door: Door,
    raw: bytes,
    signed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    before = len(door.received)

    response = door.generic(raw) if signed else door.post("script", raw, {})

    answered(response, 200 if signed else 401)
    assert len(door.received) == before + signed

"""The generic reader accepts exactly what the published schema does, and survives the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from integration.errors import UnreadableSubmission
from integration.report import Submission
from webhook_server.intake.generic import read
from webhook_server.intake.reading import Ignored, compact_json

HERE = Path(__file__).parent
SCHEMA = json.loads(
    (HERE.parents[2] / "docs/schemas/report-submitted.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)
JSON = "application/json"


def outcome(raw: bytes) -> Submission | Ignored | None:
    """What the reader made of it; ``None`` if unreadable. Anything else raised fails the test."""
    try:
        return read(raw, JSON)
    except UnreadableSubmission as error:
        refusal = error
    assert "canary" not in str(refusal)
    assert refusal.__context__ is None
    return None


def encoded(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_byte_order_mark_says_nothing(generic_report: dict[str, Any]) -> None:
    """Left in front, the whole report was none, and nobody's wish in it counted."""
    assert outcome(b"\xef\xbb\xbf" + encoded(generic_report)) == outcome(encoded(generic_report))


def test_schema_itself_is_valid() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_ordinary_report(generic_report: dict[str, Any]) -> None:
    found = outcome(encoded(generic_report))

    assert isinstance(found, Submission)
    assert found.id == "resp-7f3a9c"
    assert found.submitted_at == datetime(2026, 11, 22, 13, 58, 41, tzinfo=UTC)
    assert [one.key for one in found.answers] == [
        "your-name",
        "contact",
        "about",
        "what",
        "when",
        "kind",
        "mood",
    ]
    assert found.answers[2].question.reveal() == "Who is this about?"
    assert found.answers[2].answer.reveal() == "Odile Fairweather"


def test_hostile_text_arrives_unchanged_and_never_prints() -> None:
    raw = (HERE / "fixtures/hostile-text.json").read_bytes()
    sent = json.loads(raw)["data"]["answers"]

    found = outcome(raw)

    assert isinstance(found, Submission)
    assert [(one.question.reveal(), one.answer.reveal()) for one in found.answers] == [
        (one["question"], one["answer"]) for one in sent
    ]
    for shown in (repr(found), str(found), f"{found.answers[0].answer} {found.answers[0].question:>40}"):
        assert not any(one["answer"][:12] in shown or one["question"][:12] in shown for one in sent)
    assert VALIDATOR.is_valid(json.loads(raw))


@pytest.mark.parametrize("kind", ["ping", "test", "webhook.test"])
def test_a_test_event_is_ignored_whatever_is_in_it(kind: str) -> None:
    assert outcome(json.dumps({"type": kind, "more": [1]}).encode()) == Ignored("ping")


def test_another_type_of_event_is_kept_as_it_came() -> None:
    """Whoever sends `report.created` may well mean a report; it must not be dropped."""
    assert outcome(b'{"type": "report.created", "more": [1]}') is None


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-11-22T15:00:00+02:00", datetime(2026, 11, 22, 13, 0, tzinfo=UTC)),
        ("2026-11-22T13:00:00.123456789Z", datetime(2026, 11, 22, 13, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-22T13:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("yesterday", None),
        ("2026-13-40T99:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_time_is_taken_if_it_has_a_zone_and_never_a_reason_to_refuse(
    generic_report: dict[str, Any], timestamp: str, expected: datetime | None
) -> None:
    generic_report["timestamp"] = timestamp

    found = outcome(encoded(generic_report))

    assert isinstance(found, Submission)
    assert found.submitted_at == expected


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no type"),
        pytest.param(b'{"type": ["report.submitted"]}', id="type is a list"),
        pytest.param(b'{"type": "report.submitted", "canary"', id="cut off"),
        pytest.param(b'{"type": "report.submitted\xff"}', id="invalid UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"type": "other"}', id="byte order mark"),
        pytest.param('{"type": "other"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"type": "other", "n": NaN}', id="NaN"),
        pytest.param(b'{"type": "other", "n": -Infinity}', id="infinity"),
        pytest.param(b'{"type": "other", "n": 1e999}', id="a number that is infinite"),
        pytest.param(b'{"type": "other", "n": ' + b"9" * 5000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b'{"type": "other", "type": "other"}', id="a key twice"),
        pytest.param(
            b'{"type": "other", "x": {"a": 1, "\\u0061": 2}}', id="a key twice, inside, one escaped"
        ),
        pytest.param(b'{"type": "other", "x": "\\ud800"}', id="half a surrogate pair"),
        pytest.param(b'{"type": "other", "\\uDFFF": 1}', id="half a surrogate pair in a key"),
        pytest.param(b"[" * 100_000, id="deep and cut off"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep list"),
        pytest.param(b'{"type":' * 100_000 + b"1" + b"}" * 100_000, id="deep object"),
    ],
)
def test_what_is_not_strict_json_of_our_kind_is_unreadable(raw: bytes) -> None:
    assert outcome(raw) is None


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert outcome(b'{"type": "ping", "x": "\\ud83d\\ude00"}') == Ignored("ping")


@pytest.mark.parametrize(("count", "readable"), [(0, True), (200, True), (201, False), (10_000, False)])
def test_more_than_200_answers_are_unreadable(
    generic_report: dict[str, Any],
    count: int,
    readable: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    one = {"id": "q", "question": "?", "answer": "canary"}
    generic_report["data"]["answers"] = [one] * count

    assert (outcome(encoded(generic_report)) is not None) is readable
    assert VALIDATOR.is_valid(generic_report) is readable


def test_unknown_entry_is_unreadable_rather_than_dropped(generic_report: dict[str, Any]) -> None:
    generic_report["data"]["files"] = ["https://files.example/canary.png"]

    assert outcome(encoded(generic_report)) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("timestamp",), 1764000000),
        (("timestamp",), "9" * 65),
        (("data",), ["canary"]),
        (("data", "submission_id"), "noor@community.example canary"),
        (("data", "submission_id"), 7),
        (("data", "answers"), {"canary": 1}),
        (("data", "answers", 0), "canary"),
        (("data", "answers", 0, "id"), "What is canary?"),
        (("data", "answers", 0, "id"), None),
        (("data", "answers", 0, "question"), None),
        (("data", "answers", 0, "answer"), ["canary"]),
    ],
)
def test_value_that_the_schema_refuses_is_unreadable(
    generic_report: Any,  # noqa: ANN401 - JSON
    path: tuple[str | int, ...],
    value: object,
) -> None:
    place = generic_report
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    assert outcome(encoded(generic_report)) is None
    assert not VALIDATOR.is_valid(generic_report)


def test_part_nested_too_deeply_to_write_is_unreadable() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]

    with pytest.raises(UnreadableSubmission):
        compact_json(deep)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_ignored_or_unreadable(raw: bytes) -> None:
    assert outcome(raw) is None or outcome(raw) == Ignored("ping")


_scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=70) | st.just("report.submitted")
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)
_ids = st.text("aZ0_.:=-", min_size=1, max_size=201) | st.sampled_from(["", "a b", "a\n", "é", "a@b", "٣"])
_answers = st.fixed_dictionaries({"id": _ids, "question": st.text(max_size=9), "answer": st.text(max_size=9)})
_reports = st.fixed_dictionaries(
    {
        "type": st.just("report.submitted"),
        "timestamp": st.text(max_size=66) | st.just("2026-11-22T13:00:00Z"),
        "data": st.fixed_dictionaries({"submission_id": _ids, "answers": st.lists(_answers, max_size=3)}),
    }
)


@st.composite
def _spoilt_reports(draw: st.DrawFn) -> object:
    """A report in which, mostly, one place was removed, added or replaced."""
    report: Any = draw(_reports)
    places = [report, report["data"], *report["data"]["answers"]]
    place = draw(st.sampled_from(places))
    how = draw(st.sampled_from(["nothing", "remove", "add", "replace"]))
    if how == "remove":
        del place[draw(st.sampled_from(sorted(place)))]
    elif how == "add":
        place[draw(st.text(max_size=5))] = draw(_values)
    elif how == "replace":
        place[draw(st.sampled_from(sorted(place)))] = draw(_values)
    return report


@given(_spoilt_reports())
def test_reader_and_schema_accept_the_same(document: object) -> None:
    found = outcome(json.dumps(document).encode())

    assert isinstance(found, Submission) == VALIDATOR.is_valid(document)

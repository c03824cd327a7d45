"""The Typeform reader: joins answers to questions, keeps what it does not know, drops what nobody typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import UnreadableSubmission
from integration.report import Submission
from webhook_server.intake.reading import Ignored
from webhook_server.intake.typeform import read

FIXTURES = Path(__file__).parent / "fixtures"
JSON = "application/json"


def outcome(raw: bytes) -> Submission | Ignored | None:
    """What the reader made of it; ``None`` if unreadable. Anything else raised fails the test."""
    try:
        return read(raw, JSON)
    except UnreadableSubmission as error:
        refusal = error
    assert "canary" not in str(refusal)
    return None


def submission(document: object) -> Submission:
    found = outcome(json.dumps(document).encode())
    assert isinstance(found, Submission)
    return found


def with_answer(report: dict[str, Any], entry: object) -> str:
    """The text kept of one answer."""
    report["form_response"]["answers"] = [entry]
    (kept,) = submission(report).answers
    return kept.answer.reveal()


def test_all_questions_of_the_form_are_known_by_the_key_that_an_answer_to_them_has(
    typeform_report: dict[str, Any],
) -> None:
    everything = submission(typeform_report)
    typeform_report["form_response"]["answers"] = []

    found = submission(typeform_report).questions

    assert found is not None
    assert {"your-name", "about", "kind", "group"} <= found
    assert not {"aB1", "aC8"} & found, "a question that has a ref is not known by its id"
    assert 1 == len({one.key for one in everything.answers} - found), "one is no longer in the form"


@pytest.mark.parametrize("definition", [None, {}, {"fields": []}, {"fields": "x"}, {"fields": [{}]}])
def test_a_delivery_that_lists_no_questions_says_nothing_of_them(
    typeform_report: dict[str, Any], definition: object
) -> None:
    typeform_report["form_response"]["definition"] = definition

    assert submission(typeform_report).questions is None


def test_every_answer_type_with_its_question(typeform_report: dict[str, Any]) -> None:
    found = submission(typeform_report)

    assert found.id == "k3u0inventedtoken0k3u0b7yq2mt1x9"
    assert found.submitted_at == datetime(2026, 11, 22, 13, 58, 41, tzinfo=UTC)
    assert [(one.key, one.question.reveal(), one.answer.reveal()) for one in found.answers] == [
        ("your-name", "What is your name?", "Noor Achterberg"),
        ("mail", "Your mail address?", "noor@community.example"),
        ("phone", "Your phone?", "+31201234567"),
        ("about", "Hello {{field:your-name}}, who is this about?", "Odile Fairweather"),
        ("what", "What happened?", "A remark in the specification.\n@everyone *can* read it 😞"),
        ("day", "On which day?", "2026-11-17"),
        ("kind", "What do you need?", "Help with a conflict"),
        ("where", "Where was it?", "Chat\nMailing list\nthe hallway"),
        ("safe", "Are you safe now?", "no"),
        ("how-often", "How often did it happen?", "3"),
        ("how-bad", "How bad is it for you?", "4.5"),
        ("link", "A link?", "https://community.example/spec#4"),
        ("proof", "A file?", "https://vendor.example/forms/cOcRpt01/responses/files/shot.png"),
        ("other-need", "How may we answer?", "by letter"),
        ("order", "What matters most?", "an apology\nquiet"),
        (
            "spoken",
            "Would you rather speak?",
            '{"audio_url":"https://vendor.example/a.mp3","transcript":"naïve"}',
        ),
        ("trusted-name", "Their name", "Imre Solti"),
        ("removed-question", "removed-question", "asked after the form was changed"),
    ]


def test_nothing_typeform_adds_about_a_person_is_kept(typeform_report: dict[str, Any]) -> None:
    assert "HIDDEN-" in json.dumps(typeform_report)

    found = submission(typeform_report)

    kept = " ".join(f"{one.key} {one.question.reveal()} {one.answer.reveal()}" for one in found.answers)
    assert "HIDDEN" not in kept
    assert "13:41:07" not in kept


def test_older_form_without_refs_is_keyed_by_field_id() -> None:
    found = outcome((FIXTURES / "without-refs.json").read_bytes())

    assert isinstance(found, Submission)
    assert [(one.key, one.question.reveal(), one.answer.reveal()) for one in found.answers] == [
        ("JwA1", "What happened?", "Somebody shouted."),
        ("JwA2", "Where?", "Hall 2"),
    ]


def test_form_that_was_not_sent_is_ignored() -> None:
    assert outcome((FIXTURES / "partial.json").read_bytes()) == Ignored("partial")


def test_what_was_not_sent_is_ignored_even_if_the_rest_is_broken() -> None:
    assert outcome(b'{"event_type": "form_response_partial", "form_response": 7}') == Ignored("partial")


@pytest.mark.parametrize("kind", ["form_response_edited", "", "FORM_RESPONSE"])
def test_another_event_is_kept_as_it_came(kind: str) -> None:
    assert outcome(json.dumps({"event_type": kind, "form_response": {}}).encode()) is None


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"type": "text", "text": {"a": "b"}}, '{"a":"b"}'),
        ({"type": "text", "text": None}, '{"type":"text","text":null}'),
        ({"type": "text", "text": ""}, ""),
        ({"type": "boolean", "boolean": True}, "yes"),
        ({"type": "number", "number": 0}, "0"),
        ({"type": "payment", "payment": {"amount": "1", "last4": "1234"}}, '{"amount":"1","last4":"1234"}'),
        ({"type": "choice", "choice": {}}, "{}"),
        ({"type": "choice", "choice": "plain"}, '"plain"'),
        ({"type": "choice", "choice": {"label": "A", "other": "b"}}, "A\nb"),
        ({"type": "choices", "choices": {"labels": []}}, '{"labels":[]}'),
        ({"type": "choices", "choices": {"labels": ["A", 2]}}, '{"labels":["A",2]}'),
        ({"type": "choices", "choices": {"labels": None, "other": "b"}}, "b"),
        ({"type": "hologram", "hologram": ["x"]}, '["x"]'),
        ({"type": "hologram", "shape": "x"}, '{"type":"hologram","shape":"x"}'),
        ({"type": 3, "value": "é"}, '{"type":3,"value":"é"}'),
        ({"text": "no type"}, '{"text":"no type"}'),
    ],
)
def test_answer_of_an_unknown_form_is_kept_as_json(
    typeform_report: dict[str, Any], entry: dict[str, object], expected: str
) -> None:
    assert with_answer(typeform_report, {**entry, "field": {"id": "x", "ref": "y"}}) == expected


@pytest.mark.parametrize(
    ("field", "key", "question"),
    [
        ({"ref": "what", "id": "other"}, "what", "What happened?"),
        ({"ref": "renamed", "id": "aB5"}, "renamed", "What happened?"),
        ({"ref": "a ref with spaces", "id": "aB5"}, "aB5", "What happened?"),
        ({"ref": "a ref with spaces"}, "answer-1", "a ref with spaces"),
        ({"ref": 7, "id": None}, "answer-1", "answer-1"),
        ("what", "answer-1", "answer-1"),
        (None, "answer-1", "answer-1"),
    ],
)
def test_answer_without_a_usable_field_is_kept(
    typeform_report: dict[str, Any], field: object, key: str, question: str
) -> None:
    typeform_report["form_response"]["answers"] = [{"type": "text", "text": "x", "field": field}]

    (kept,) = submission(typeform_report).answers

    assert (kept.key, kept.question.reveal(), kept.answer.reveal()) == (key, question, "x")


@pytest.mark.parametrize(
    "definition", [None, [], {}, {"fields": 3}, {"fields": [1, {"ref": "what", "title": 5}]}]
)
def test_without_a_definition_the_ref_stands_for_the_question(
    typeform_report: dict[str, Any], definition: object
) -> None:
    typeform_report["form_response"]["definition"] = definition

    assert [one.question.reveal() for one in submission(typeform_report).answers][4] == "what"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token", None),
        ("token", 12),
        ("token", ""),
        ("token", "with a space"),
        ("token", "x" * 201),
        ("answers", None),
        ("answers", {"canary": 1}),
        ("answers", ["canary"]),
        ("answers", [{"type": "text", "text": "canary"}] * 201),
        ("answers", [{"type": "text", "text": "canary"}] * 10_000),
    ],
)
def test_what_lacks_the_shape_of_a_response_is_unreadable(
    typeform_report: dict[str, Any], name: str, value: object
) -> None:
    typeform_report["form_response"][name] = value

    assert outcome(json.dumps(typeform_report).encode()) is None


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"event_type": 1}', b'{"event_type": "form_response"}', b"\xff"]
)
def test_what_is_no_event_is_unreadable(raw: bytes) -> None:
    assert outcome(raw) is None


@pytest.mark.parametrize("depth", [50, 500, 900, 5_000, 100_000])
def test_deep_nesting_in_an_answer_is_kept_or_unreadable_and_no_crash(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    raw = (
        b'{"event_type":"form_response","form_response":{"token":"t","answers":[{"type":"x","x":%s}]}}' % deep
    )

    found = outcome(raw)

    if depth <= 500:
        assert isinstance(found, Submission)
        assert found.answers[0].answer.reveal() == deep.decode()
    if depth >= 5_000:
        assert found is None


def test_deep_nesting_in_the_definition_is_no_crash() -> None:
    fields = b'{"properties":{"fields":[' * 150 + b"]}}" * 150
    raw = (
        b'{"event_type":"form_response","form_response":{"token":"t","answers":[],"definition":{"fields":[%s]}}}'
        % fields
    )

    assert isinstance(outcome(raw), Submission)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_read_ignored_or_unreadable(raw: bytes) -> None:
    assert not isinstance(outcome(raw), Submission)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=4)
            | st.sampled_from(
                ["type", "text", "choice", "choices", "labels", "other", "field", "ref", "fields"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(definition=_json, answers=st.lists(_json, max_size=4), submitted_at=_json)
def test_any_response_is_read_with_all_its_answers_or_unreadable(
    definition: object, answers: list[object], submitted_at: object
) -> None:
    found = outcome(
        json.dumps(
            {
                "event_type": "form_response",
                "form_response": {
                    "token": "t",
                    "definition": definition,
                    "answers": answers,
                    "submitted_at": submitted_at,
                },
            }
        ).encode()
    )

    if all(isinstance(one, dict) for one in answers):
        assert isinstance(found, Submission)
        assert len(found.answers) == len(answers)
    else:
        assert found is None

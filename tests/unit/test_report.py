"""A report survives its journey word for word, and the same answers are known again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.incident import IncidentType
from integration.report import Answer, Report, ReportField, dump_report, load_report, normalised_answers
from integration.text import Untrusted

words = st.text(st.characters(exclude_categories=["Cs"]))
untrusted = words.map(Untrusted)
some_answers = st.lists(
    st.builds(Answer, st.text("abc_-1", min_size=1), untrusted, untrusted), max_size=4
).map(tuple)
times = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    timezones=st.just(UTC),
)
reports = st.builds(
    Report,
    submitted_at=st.none() | times,
    type=st.sampled_from(IncidentType),
    fields=st.dictionaries(st.sampled_from(ReportField), some_answers.filter(bool)),
    other=some_answers,
    verbatim=st.none() | untrusted,
    wish_unclear=st.booleans(),
)


def answer(key: str, text: str) -> Answer:
    return Answer(key, Untrusted("?"), Untrusted(text))


@given(reports)
def test_a_report_is_the_same_after_the_database(report: Report) -> None:
    assert report == load_report(dump_report(report))


def test_a_time_keeps_its_zone() -> None:
    time = datetime(2026, 11, 22, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45)))

    loaded = load_report(dump_report(Report(time))).submitted_at

    assert loaded is not None
    assert (time, time.utcoffset()) == (loaded, loaded.utcoffset())


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800", "\ud83d x"])
def test_half_a_surrogate_pair_loses_nothing_on_the_way(text: str) -> None:
    """A reader that lets one through costs no report: it is kept as it is, and the diary shows U+FFFD."""
    report = Report(None, fields={ReportField.ACCOUNT: (answer("q", text),)}, verbatim=Untrusted(text))

    assert report == load_report(dump_report(report))
    assert normalised_answers(report).isascii()


@given(reports)
def test_what_is_sealed_is_plain_ascii(report: Report) -> None:
    assert dump_report(report).isascii()


def test_several_answers_to_one_field_stand_on_lines_of_their_own() -> None:
    report = Report(None, fields={ReportField.SUMMARY: (answer("a", "one"), answer("b", "two"))})

    assert "one\ntwo" == report.said(ReportField.SUMMARY)
    assert "" == report.said(ReportField.SUBJECT)


def test_a_report_shows_nothing_when_it_is_formatted() -> None:
    report = Report(
        None,
        fields={ReportField.SUBJECT: (answer("q", "canary-71c09be4"),)},
        verbatim=Untrusted("canary-71c09be4"),
    )

    assert "canary" not in f"{report!r} {report}"


# The same answers -----------------------------------------------------------------------------------

BASE = Report(
    None, fields={ReportField.ACCOUNT: (answer("what", "Caf\u00e9\nnoise"),)}, other=(answer("when", "noon"),)
)


@pytest.mark.parametrize(
    "same",
    [
        replace(BASE, submitted_at=datetime(2026, 1, 1, tzinfo=UTC)),
        replace(BASE, type=IncidentType.CONFLICT_RESOLUTION),
        replace(BASE, fields={ReportField.ACCOUNT: (answer("what", "Cafe\u0301\nnoise"),)}),
        replace(BASE, fields={ReportField.ACCOUNT: (answer("what", "Caf\u00e9\r\nnoise"),)}),
        replace(BASE, fields={ReportField.ACCOUNT: (answer("what", "Caf\u00e9\rnoise"),)}),
        replace(BASE, fields={ReportField.ACCOUNT: (answer("what", " Caf\u00e9\nnoise\n"),)}),
        replace(BASE, fields={ReportField.SUMMARY: (answer("what", "Caf\u00e9\nnoise"),)}),
        replace(BASE, fields={}, other=(answer("when", "noon"), answer("what", "Caf\u00e9\nnoise"))),
        replace(
            BASE,
            fields={},
            other=(answer("what", "Caf\u00e9\nnoise"), answer("when", "noon"), answer("no", " ")),
        ),
        replace(
            BASE,
            fields={
                ReportField.ACCOUNT: (
                    Answer("what", Untrusted("new wording"), Untrusted("Caf\u00e9\nnoise")),
                )
            },
        ),
    ],
)
def test_what_a_retry_or_a_new_mapping_changes_makes_no_other_answers(same: Report) -> None:
    assert normalised_answers(BASE) == normalised_answers(same)


@pytest.mark.parametrize(
    "other",
    [
        replace(BASE, other=(answer("when", "Noon"),)),
        replace(BASE, other=(answer("when", "noon."),)),
        replace(BASE, other=(answer("where", "noon"),)),
        replace(BASE, other=()),
        replace(BASE, other=(answer("when", "noon"), answer("when", "noon"))),
        replace(BASE, verbatim=Untrusted("")),
        replace(BASE, verbatim=Untrusted("noon")),
        replace(BASE, fields={ReportField.ACCOUNT: (answer("what", "Cafe\nnoise"),)}),
    ],
)
def test_other_answers_are_other_bytes(other: Report) -> None:
    assert normalised_answers(BASE) != normalised_answers(other)


@given(st.lists(st.tuples(st.text("abc", min_size=1), words), max_size=5))
def test_the_order_of_answers_makes_no_difference(raw: list[tuple[str, str]]) -> None:
    told = [answer(key, text) for key, text in raw]

    assert normalised_answers(Report(None, other=tuple(told))) == normalised_answers(
        Report(None, other=tuple(reversed(told)))
    )


@given(reports, st.sampled_from(ReportField))
def test_moving_an_answer_to_another_field_makes_no_difference(report: Report, name: ReportField) -> None:
    everything = tuple(one for many in report.fields.values() for one in many) + report.other

    moved = replace(report, fields={name: everything}, other=())

    assert normalised_answers(report) == normalised_answers(moved)

"""Whom a report is not to be shown does not read it first, and of an unclear wish nobody does."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.first_readers import not_meant
from integration.report import Report, ReportField
from tests.unit.first_readers.members import (
    MIRIAM,
    ROBERT,
    answers,
    first_readers,
    member,
    readers,
    report,
    roster,
)


@pytest.mark.parametrize(
    "words",
    [
        "",
        " \n\t",
        "-",
        "—",
        "...",
        "no",
        "No.",
        "NONE",
        "n/a",
        "N.A.",
        "nobody",
        "Nobody, thanks!",
        "No one",
        "no-one",
        "no\nnobody",
        "not applicable",
        "nein",
        "Niemand, danke",
        "non",
        "personne",
        "nadie",
        "ninguém",
        "nessuno",
        "никто",
        "没有",
        "なし",
    ],
)
def test_ways_to_say_nobody_are_no_wish(words: str) -> None:
    found = first_readers(report(do_not_show=words), roster(ROBERT, MIRIAM))

    assert (ROBERT, MIRIAM) == found.members
    assert not found.unclear_wish


@pytest.mark.parametrize(
    "words",
    [
        "Robert",
        "bob",
        "Krauss",
        "Kraus, Robert",
        "R. Kraus",
        "R.K.",
        "Mr. Kraus",
        "Robert (Bob)",
        "Robert (he/him)",
        "@bobby-k",
        "https://github.com/bobcodes",
        "r.kraus@team.example.org",
        "R&#111;bert",
        "- Robert",
        "Robert / Bob | Kraus • Bobby-K",
        "please not to Bob",
        "don't show this to Robert",
        "Don’t show this report to Robert, please.",  # noqa: RUF001 - the typographer's apostrophe
        "Please do not share it with Robert",
        "Robert should not see this",
        "I don't want Robert to see it",
        "not Robert",
        "Robert Kraus and nobody else",
        "Robert, niemand sonst",
        "Bitte nicht Robert zeigen",
        "Robert soll das nicht sehen",
        "Ne pas montrer à Robert s'il vous plaît",
        "Por favor no mostrar esto a Robert",
    ],
)
def test_a_wish_that_fits_a_member_leaves_them_out(words: str) -> None:
    found = first_readers(report(do_not_show=words), roster(ROBERT, MIRIAM))

    assert (MIRIAM,) == found.members
    assert not found.unclear_wish


@pytest.mark.parametrize(
    "words",
    [
        "Zebulon",
        "everybody",
        "my former boss",
        "Robert, and his friend on the team",
        "Robert\nZebulon",
        "Robert & Zebulon",
        "Robert und Zebulon",
        "Аня",
        "🙅",
        "Everyone except Robert",
        "Everybody but Robert",
        "all of you apart from Robert",
        "nobody but Robert",
        "none but Robert please",
        "nobody, Robert",
        "nobody\nRobert",
        "nobody else: Robert",
        "only Robert may see it",
        "please only show this to Robert",
        "please show this to Robert",
        "Robert only",
        "Robert can see it",
        "No. Show it to Robert",
        "Robert ✅",
        "not only Robert",
        "Nur Robert",
        "alle außer Robert",
        "tous sauf Robert",
        "solo Robert",
        "Robert's girlfriend",
        "Robert / his wife",
        "Robert/his wife",
        "Roberts Frau",
        "la femme de Robert",
        "el amigo de Robert",
        "mostrar a Robert",
        "Robert, her",
        "Robert and him",
        "anyone close to Robert",
        "Robert's team",
        "Robert and Miriam are close",
        "please not",
        "yes",
    ],
)
def test_a_wish_that_fits_nobody_is_unclear_and_nobody_reads(words: str) -> None:
    found = first_readers(report(do_not_show=words), roster(ROBERT, MIRIAM))

    assert () == found.members
    assert found.unclear_wish
    assert () == not_meant(report(do_not_show=words), roster(ROBERT, MIRIAM))


def test_several_members_are_left_out() -> None:
    team = [ROBERT, MIRIAM, member("charlie", "Charlie Doe"), member("quokka", "Zora Quist")]

    for wish in ["not Robert and Charly", "Robert Kraus, Charlie", "Bob\nCharlie", "Charlie or Robert"]:
        assert {"miriam", "quokka"} == readers(report(do_not_show=wish), *team)


@pytest.mark.parametrize("wish", ["李明", "李老师", "李明老师"])
def test_a_wish_in_writing_without_blanks_is_understood_if_it_is_a_name(wish: str) -> None:
    assert {"miriam"} == readers(report(do_not_show=wish), member("quokka", "李明"), MIRIAM)


@pytest.mark.parametrize("wish", ["只给李明看", "只有李明", "李明的朋友"])
def test_a_wish_in_writing_without_blanks_is_unclear_if_it_says_more(wish: str) -> None:
    found = first_readers(report(do_not_show=wish), roster(member("quokka", "李明"), MIRIAM))

    assert found.unclear_wish
    assert () == found.members


@pytest.mark.parametrize(
    ("word", "name"), [("only", "Olly Quist"), ("solo", "Andrea Sol"), ("nur", "Nur Quist")]
)
def test_a_word_that_turns_a_wish_round_is_nobodys_name(word: str, name: str) -> None:
    found = first_readers(
        report(do_not_show=f"{word} Robert"), roster(ROBERT, MIRIAM, member("quokka", name))
    )

    assert found.unclear_wish
    assert () == found.members


@pytest.mark.parametrize("name", ["Will Quist", "Don Quist", "An Quist", "Le Quist"])
def test_a_name_that_is_also_a_filler_is_understood_alone(name: str) -> None:
    told = report(do_not_show=name.partition(" ")[0])

    assert {"miriam"} == readers(told, member("quokka", name), MIRIAM)


@pytest.mark.parametrize("wish", ["Robert " * 300, ", ".join(["Robert"] * 51)])
def test_a_wish_too_long_to_compare_is_unclear(wish: str) -> None:
    assert first_readers(report(do_not_show=wish), roster(ROBERT, MIRIAM)).unclear_wish


def test_a_wish_in_several_answers_is_judged_answer_by_answer() -> None:
    told = Report(submitted_at=None, fields={ReportField.DO_NOT_SHOW: answers("no", "Robert")})

    assert {"miriam"} == readers(told, ROBERT, MIRIAM)


PIECES = [
    *"RKe -.,;/\n'",
    "Robert",
    "Bob",
    "Kraus",
    "Miriam",
    " and ",
    " not ",
    " her ",
    " show ",
    "please",
    "李",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_wish_is_never_passed_over(wish: str) -> None:
    found = first_readers(report(do_not_show=wish), roster(ROBERT, MIRIAM))
    says_something = any(char.isalnum() for char in re.sub(r"\bplease\b", "", wish))

    assert says_something == (found.unclear_wish or len(found.members) < len((ROBERT, MIRIAM)))


@given(st.text(), st.text(), st.text())
def test_no_text_makes_it_fail(subject: str, wish: str, verbatim: str) -> None:
    found = first_readers(
        report(subject=subject, do_not_show=wish, verbatim=verbatim), roster(ROBERT, MIRIAM)
    )

    assert {one.alias for one in found.members} <= {"robert", "miriam"}


def test_where_the_wish_cannot_be_told_nobody_on_duty_reads() -> None:
    told = replace(report(verbatim="nothing in here means anybody"), wish_unclear=True)

    found = first_readers(told, roster(ROBERT, MIRIAM))

    assert () == found.members
    assert found.unclear_wish

"""Who reads a new report first: nobody whom anything in it could mean, however it is written and wherever it stands."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.first_readers import not_meant
from integration.report import ReportField
from tests.unit.first_readers.members import (
    MIRIAM,
    ROBERT,
    asked,
    first_readers,
    member,
    readers,
    report,
    roster,
)

LONG = "It began at lunch when {} came over to our table and did not stop talking"


@pytest.mark.parametrize(
    "words",
    [
        "robert",
        "Robert Kraus",
        "Robert",
        "Kraus R.",
        "ROBERT",
        "Ｒｏｂｅｒｔ",  # noqa: RUF001 - full-width letters, on purpose
        "Róbërt",
        "Rob\u00adert",
        "Robert's",
        "Roberts",
        "Bob",
        "@bobby-k",
        "bobby_k",
        "bobbyk",
        "RobertKraus",
        "bobcodes",
        "https://github.example/bobcodes",
        "5b10a2844c20165700ede21g",
        "r.kraus@team.example.org",
        "R.KRAUS@TEAM.EXAMPLE.ORG",
    ],
)
@pytest.mark.parametrize("place", [*ReportField, "unmapped", "verbatim"])
def test_a_whole_name_handle_or_account_counts_in_every_place(words: str, place: str) -> None:
    text = LONG.format(words) if place != "do_not_show" else words
    told = {
        "unmapped": lambda: report(text),
        "verbatim": lambda: report(verbatim=text),
    }.get(place, lambda: report(**{place: text}))()

    assert {"miriam"} == readers(told, ROBERT, MIRIAM)


NAMING = ["subject", "reporter", "witnesses", "do_not_show", "contact"]


@pytest.mark.parametrize("place", NAMING)
@pytest.mark.parametrize("words", ["Rob", "Robbert", "Robret", "Roberta", "Krauss", "Bobbyk", "rkraus"])
def test_a_nickname_or_misspelling_counts_where_people_are_named(place: str, words: str) -> None:
    assert {"miriam"} == readers(report(**{place: words}), ROBERT, MIRIAM)


@pytest.mark.parametrize("words", ["Rob", "Robret did it"])
def test_a_short_answer_to_an_unmapped_question_counts_as_naming(words: str) -> None:
    assert {"miriam"} == readers(report(words), ROBERT, MIRIAM)


def test_close_is_not_enough_in_a_long_story() -> None:
    assert {"robert", "miriam"} == readers(report(account=LONG.format("a robber")), ROBERT, MIRIAM)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Jörg Weiß", "Joerg"),
        ("Joerg Weiss", "Jörg"),
        ("Joerg Weiss", "Weiß"),
        ("Søren Łuk", "soren"),
        ("Søren Łuk", "luk"),
        ("Ingibjörg Óskarsson", "oskarsson"),
        ("Αλέξης Παππάς", "ΑΛΕΞΗΣ"),
        ("李伟", "昨天李伟对我大喊大叫然后就离开了会议室没有道歉也没有解释"),
        ("李 伟", "昨天李伟对我大喊大叫"),
        ("Jean-Luc Moreau", "jean luc"),
        ("Anna van der Berg", "Berg"),
    ],
)
def test_other_spellings_of_the_same_name_count(name: str, words: str) -> None:
    other = member("other", name)

    assert {"miriam"} == readers(report(account=LONG.format(words)), other, MIRIAM)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ann", LONG.format("an organiser")),
        ("Ann", LONG.format("somebody at the annual meeting")),
        ("Will Hartmann", LONG.format("somebody who will not listen")),
        ("Grace Okoye", "There was no grace period. We left."),
        ("Theo Quist", LONG.format("the other person")),
        ("Al Jensen", LONG.format("al lado")),
        ("Maria van Dijk", LONG.format("a van driver")),
    ],
)
def test_common_words_in_a_story_do_not_match_a_name(name: str, text: str) -> None:
    other = member("quokka", name)

    assert {"quokka", "miriam"} == readers(report(account=text), other, MIRIAM)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Will Hartmann", LONG.format("Will")),
        ("Will Hartmann", "yesterday will came over and shouted at me in front of all the others"),
        ("Grace Okoye", LONG.format("Grace")),
        ("Ann", LONG.format("Ann")),
    ],
)
def test_a_name_that_is_also_a_word_counts_when_it_is_written_as_a_name(name: str, text: str) -> None:
    assert {"miriam"} == readers(report(account=text), member("quokka", name), MIRIAM)


@pytest.mark.parametrize(
    "text", ["the organiser", "an attendee at the annual meeting", "them", "and all the others"]
)
def test_function_words_are_no_nicknames(text: str) -> None:
    team = [member("quokka", name) for name in ("Theo Quist", "Andrea Sol", "Ann", "Allison Reyes")]

    for one in team:
        assert {"quokka"} == readers(report(subject=text), one)


@pytest.mark.parametrize(
    "text", ["the CoC team", "team@team.example.org", "https://example.org/report", "github.com"]
)
def test_words_of_addresses_do_not_match_everybody(text: str) -> None:
    team = [ROBERT, MIRIAM, replace(member("quokka", "Quokka Quist"), email="conduct@team.example.org")]

    assert {"robert", "miriam", "quokka"} == readers(report(contact=text, account=text), *team)


def test_a_name_of_one_letter_counts_only_where_people_are_named() -> None:
    other = member("quokka", "Ö")

    assert {"quokka", "miriam"} == readers(report(account="Then o said nothing."), other, MIRIAM)
    assert {"miriam"} == readers(report(subject="Ö"), other, MIRIAM)


def test_parts_of_an_account_id_match_nobody() -> None:
    other = replace(MIRIAM, accounts={"jira": "557058:2026-beef-4000-abcd"})

    assert {"miriam"} == readers(report(account="In 2026, on day 4000, the beef was cold."), other)


@pytest.mark.parametrize("place", NAMING[:3] + NAMING[4:])
@pytest.mark.parametrize("words", ["R.K.", "RK", "rk", "R. K.", "K. R.", "R o b e r t", "r-o-b-e-r-t"])
def test_initials_and_letters_apart_count_where_people_are_named(place: str, words: str) -> None:
    assert {"miriam"} == readers(report(**{place: f"I think {words}"}), ROBERT, MIRIAM)


@pytest.mark.parametrize(("name", "text"), [("Maria Eder", "please write to me"), ("Ina Tran", "it was him")])
def test_function_words_are_no_initials(name: str, text: str) -> None:
    assert {"quokka"} == readers(report(subject=text), member("quokka", name))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Robert Kraus", "Wczoraj z Robertem na scenie"),
        ("Robert Kraus", "Das war Krausens Idee, sonst nichts"),
        ("Роберт Краус", "Вчера я говорил с Робертом"),  # noqa: RUF001 - other letters, on purpose
        ("Марина Краус", "Вчера я говорил с Мариной"),  # noqa: RUF001 - other letters, on purpose
        ("רוברט קראוס", "דיברתי לרוברט אתמול"),
        ("רוברט קראוס", "דיברתי ולרוברט אתמול"),
        ("خالد", "تحدثت لخالد أمس"),
        ("김철수", "어제 김철수가 소리쳤다"),
    ],
)
def test_a_name_with_an_ending_or_a_preposition_counts_in_a_story(name: str, text: str) -> None:
    assert {"miriam"} == readers(report(account=text), member("quokka", name), MIRIAM)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Anne-Marie Roe", "Annemarie"),
        ("Annemarie Roe", "Anne-Marie"),
        ("MacDonald", "Mac Donald"),
        ("Mac Donald", "MacDonald"),
        ("李明", "李老师"),
        ("李 明", "李老师"),
        ("田中太郎", "田中さん"),
        ("Jörg Quist", "J&ouml;rg"),
        ("Jörg Quist", "https://example.org/?who=J%C3%B6rg"),
        ("Jörg Quist", "J&#246;rg"),
    ],
)
def test_a_name_in_another_shape_counts_in_a_story(name: str, words: str) -> None:
    assert {"miriam"} == readers(report(account=LONG.format(words)), member("quokka", name), MIRIAM)


@pytest.mark.parametrize(
    ("name", "word"),
    [("Al Green", "Al"), ("Van Le", "Van"), ("Van Le", "Le"), ("Di Mason", "Di"), ("Zora Al", "Al")],
)
def test_a_short_word_that_is_the_first_or_the_last_name_counts(name: str, word: str) -> None:
    assert {"miriam"} == readers(report(account=LONG.format(word)), member("quokka", name), MIRIAM)
    assert {"miriam"} == readers(report(subject=word), member("quokka", name), MIRIAM)


def test_a_short_word_that_is_an_alias_counts() -> None:
    assert {"miriam"} == readers(report(account=LONG.format("Al")), member("al", "Zora Quist"), MIRIAM)


@pytest.mark.parametrize("word", ["Van", "Der", "Al", "Dr.", "Team", "CoC"])
def test_a_short_word_inside_a_name_or_a_title_does_not_count(word: str) -> None:
    one = member("coc-team", "Dr. Anna van der Berg", "Omar Al-Rashid")

    assert {"coc-team"} == readers(report(account=LONG.format(word)), one)


@pytest.mark.parametrize("names", [(), ("",), ("-", " ")])
def test_a_member_without_names_never_reads_first(names: tuple[str, ...]) -> None:
    assert {"miriam"} == readers(report(account="Somebody shouted."), member("member-7", *names), MIRIAM)


# Questions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", [None, ReportField.ACCOUNT, ReportField.SUBJECT])
@pytest.mark.parametrize("answer", ["yes", "I am not sure", "x", "✓", "No, but he was there"])
def test_whom_a_question_names_may_be_meant(field: ReportField | None, answer: str) -> None:
    told = asked("Was Robert Kraus involved?", answer, field=field)

    assert {"miriam"} == readers(told, ROBERT, MIRIAM)


def test_whom_the_key_of_a_question_names_may_be_meant() -> None:
    assert {"miriam"} == readers(asked("Who?", "yes", key="robert-involved"), ROBERT, MIRIAM)


@pytest.mark.parametrize("answer", ["no", "No.", "nein", "", "-", "false"])
def test_a_question_that_is_answered_with_no_means_nobody(answer: str) -> None:
    assert {"robert", "miriam"} == readers(asked("Was Robert Kraus involved?", answer), ROBERT, MIRIAM)


def test_the_question_of_a_wish_may_list_the_team() -> None:
    told = asked("Who should not see this (Robert, Miriam)?", "Robert", field=ReportField.DO_NOT_SHOW)

    assert {"miriam"} == readers(told, ROBERT, MIRIAM)


@pytest.mark.parametrize("question", ["May we call you?", "Which person was it?", "Will you be there?"])
def test_the_words_of_every_forms_questions_mean_nobody(question: str) -> None:
    team = [member("a", "May Quist"), member("b", "Zora Persson"), member("c", "Will Okoye")]

    assert {"a", "b", "c"} == readers(asked(question, "yes"), *team)


def test_who_is_off_duty_does_not_read() -> None:
    assert {"miriam"} == readers(report(account="Somebody shouted."), replace(ROBERT, on_duty=False), MIRIAM)


def test_a_member_who_is_off_duty_is_still_recognised_in_a_wish() -> None:
    found = first_readers(report(do_not_show="Bob"), roster(replace(ROBERT, on_duty=False), MIRIAM))

    assert (MIRIAM,) == found.members
    assert not found.unclear_wish


def test_not_meant_does_not_ask_for_duty() -> None:
    off = replace(MIRIAM, on_duty=False)

    assert (off,) == not_meant(report(subject="Robert"), roster(ROBERT, off))


# Deliveries that could not be read ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Zoë", "Søren", "Робе́рт", "李伟", "Zoë 𝔔uist"])  # noqa: RUF001 - other letters, on purpose
def test_names_are_found_in_json_with_escapes(name: str) -> None:
    told = report(verbatim=json.dumps({"what": f"line\n{name}\nline"}, ensure_ascii=True))

    assert {"miriam"} == readers(told, member("quokka", name), MIRIAM)


def test_names_are_found_in_a_form_encoded_body() -> None:
    told = report(verbatim="who=Zo%C3%AB+Quist&what=%0AShouted")

    assert {"miriam"} == readers(told, member("quokka", "Zoë"), MIRIAM)


def test_in_a_delivery_that_could_not_be_read_a_close_name_counts() -> None:
    assert {"miriam"} == readers(report(verbatim='{"who": "Robret"}'), ROBERT, MIRIAM)


def test_more_words_than_can_be_compared_mean_that_nobody_reads() -> None:
    told = report(subject=" ".join(f"word{n}" for n in range(4000)))

    found = first_readers(told, roster(ROBERT, MIRIAM))

    assert () == found.members
    assert not found.unclear_wish


def test_half_a_surrogate_pair_does_not_stop_the_choice() -> None:
    assert {"miriam"} == readers(report(subject="\ud83d Robert", verbatim='"\\ud83d"'), ROBERT, MIRIAM)


# For all names --------------------------------------------------------------------------------------


names = st.text(min_size=1, max_size=30).filter(lambda name: any(char.isalnum() for char in name))


@given(name=names, before=st.text(max_size=40), after=st.text(max_size=40), place=st.sampled_from(NAMING[:3]))
def test_a_member_whose_full_name_stands_where_people_are_named_never_reads(
    name: str, before: str, after: str, place: str
) -> None:
    told = report(**{place: f"{before} {name} {after}"})

    assert "quokka" not in readers(told, member("quokka", name))


@given(name=st.from_regex(r"[A-Z][a-z]{4,9} [A-Z][a-z]{4,9}", fullmatch=True), text=st.text(max_size=60))
def test_a_member_whose_full_name_stands_anywhere_never_reads(name: str, text: str) -> None:
    assert "quokka" not in readers(report(f"{text} {name} {text}"), member("quokka", name))
    assert "quokka" not in readers(report(account=f"{text} {name} {text}"), member("quokka", name))

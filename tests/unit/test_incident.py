"""Ids and code names: random, pronounceable, never twice."""

from __future__ import annotations

import re

import pytest

from integration.code_name import CodeName, new_code_name, words
from tests.ids import new_incident_id


def test_ids_are_random_and_of_one_form() -> None:
    ids = {new_incident_id() for _ in range(500)}

    assert 500 == len(ids)
    assert all(re.fullmatch(r"inc_[a-z2-7]{26}", one) for one in ids)


def test_code_names_are_two_words_and_two_digits() -> None:
    names = [new_code_name(lambda _name: False) for _ in range(200)]

    assert all(re.fullmatch(r"[A-Z]+-[A-Z]+-[1-9][0-9]", name) for name in names)


def test_a_taken_code_name_is_never_given_again() -> None:
    asked: list[CodeName] = []

    def taken(name: CodeName) -> bool:
        asked.append(name)
        return len(asked) < 20

    name = new_code_name(taken)

    assert 20 == len(asked)
    assert asked[-1] == name


def test_the_same_bytes_give_the_same_name_first_and_another_if_it_is_taken() -> None:
    one = new_code_name(lambda _name: False, b"a keyed digest")

    assert one == new_code_name(lambda _name: False, b"a keyed digest")
    assert one != new_code_name(one.__eq__, b"a keyed digest")
    assert one != new_code_name(lambda _name: False, b"another digest")


def test_a_used_up_word_list_is_said_and_not_looped_on() -> None:
    with pytest.raises(RuntimeError, match="used up"):
        new_code_name(lambda _name: True)


def test_words_are_pronounceable_and_stand_once() -> None:
    first, second = words()

    assert len(set(first)) == len(first) >= 100
    assert len(set(second)) == len(second) >= 100
    assert all(
        re.fullmatch(r"[A-Z]{3,12}", word) and re.search(r"[AEIOUY]", word) for word in (*first, *second)
    )


FIRST_NAMES = [
    "AMBER",
    "APRIL",
    "DAISY",
    "HAZEL",
    "HEATHER",
    "IVY",
    "JADE",
    "JASMINE",
    "ROBIN",
    "MARTIN",
    "VIOLET",
    "ROSE",
    "OLIVE",
    "OLIVIA",
    "NOAH",
    "ALICE",
    "RACHEL",
    "SAGE",
]


def test_no_word_is_a_first_name() -> None:
    first, second = words()

    assert not set(FIRST_NAMES) & {*first, *second}

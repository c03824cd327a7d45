"""Every error is in the tree, has a code of its own, and is safe to show."""

from __future__ import annotations

import inspect
import re

import pytest

from integration import errors
from integration.errors import CoCError, ConfigError, HostError, HostLimited, HostRejected, IntakeError

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, CoCError)]


def test_every_error_has_a_code_of_its_own() -> None:
    own = {name.__name__: vars(name).get("code") for name in CLASSES}

    assert None not in own.values()
    assert len(set(own.values())) == len(CLASSES)
    assert all(re.fullmatch(r"[a-z][a-z-]*", str(code)) for code in own.values())


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    (?P<branch>(?:[│ ]   |├── |└── )*)(?P<name>[A-Z]\w+)", line):
            depth = len(found["branch"]) // 4
            above[depth:] = [found["name"]]
            drawn[found["name"]] = above[depth - 1] if depth else None

    assert drawn == {
        name.__name__: None if name is CoCError else name.__mro__[1].__name__ for name in CLASSES
    }


@pytest.mark.parametrize("name", CLASSES, ids=lambda name: name.__name__)
def test_every_error_says_what_it_is(name: type[CoCError]) -> None:
    assert name.__doc__
    assert name.__doc__ != name.__mro__[1].__doc__


def test_what_it_means_and_what_to_do_stand_in_the_text() -> None:
    error = CoCError("It rained.", meaning="All is wet.", next_step="Wait.")

    assert "It rained. All is wet. Wait." == str(error)
    assert ("It rained.", "All is wet.", "Wait.") == (error.what, error.meaning, error.next_step)


def test_what_is_not_said_leaves_no_gap() -> None:
    assert "It rained. Wait." == str(CoCError("It rained.", next_step="Wait."))


def test_a_configuration_error_lists_all_mistakes() -> None:
    error = ConfigError("The roster", ["one is wrong", "two is wrong"])

    assert str(error).startswith("The roster has 2 mistakes:\n  - one is wrong\n  - two is wrong\n")
    assert ("one is wrong", "two is wrong") == error.mistakes


def test_one_mistake_is_not_many() -> None:
    assert str(ConfigError("The roster", ["it is empty"])).startswith("The roster has 1 mistake:\n")


@pytest.mark.parametrize(
    "name", [one for one in CLASSES if issubclass(one, IntakeError)], ids=lambda name: name.__name__
)
def test_no_intake_error_has_a_status_that_switches_a_form_off(name: type[IntakeError]) -> None:
    assert name.status in {401, 413, 503}


def test_a_host_error_knows_how_long_to_wait() -> None:
    assert 7.5 == HostLimited("Slower.", after=7.5).after
    assert HostError("Trouble.").after is None


def test_only_errors_that_pass_by_themselves_are_tried_again() -> None:
    assert {"host-unavailable", "host-limited", "host-budget", "host-unknown-outcome"} == {
        one.code for one in CLASSES if issubclass(one, HostError) and one.retry
    }


def test_a_rejection_names_our_own_fields() -> None:
    error = HostRejected("Two fields were not taken.", fields=("impact", "lead"), after=1)

    assert ("impact", "lead") == error.fields
    assert "Two fields were not taken." == str(error)

"""Untrusted text shows itself nowhere by accident."""

from __future__ import annotations

import json
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.report import Answer
from integration.text import Untrusted

CANARY = "canary-8f41c09d2b7e4f6aa1"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, "%s".__mod__, "{:>80}".format])
def test_formatting_shows_only_the_length(show: object) -> None:
    assert callable(show)

    assert "<redacted 25 chars>" == show(Untrusted(CANARY))


def test_it_stays_hidden_inside_other_values() -> None:
    assert CANARY not in repr([Answer("q1", Untrusted(CANARY), Untrusted(CANARY))])


def test_it_stays_hidden_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("coc.test").warning("took %s and %r", Untrusted(CANARY), [Untrusted(CANARY)])

    assert CANARY not in caplog.text


def test_json_refuses_it() -> None:
    with pytest.raises(TypeError):
        json.dumps({"words": Untrusted(CANARY)})


@given(st.text())
def test_reveal_gives_back_the_words(words: str) -> None:
    assert words == Untrusted(words).reveal()
    assert bool(words.strip()) is bool(Untrusted(words))
    assert words == pickle.loads(pickle.dumps(Untrusted(words))).reveal()  # noqa: S301 - our own bytes

"""What we write on GitHub reaches nobody, links nowhere and cannot pose as our marker."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary.comment import find_comments
from integration.diary.keys import Reader, new_secret, new_service_key, recipient_of
from integration.diary.seal import Card, EntryContent, EntryDraft, open_first_epoch
from integration.github.text import (
    MAX_COMMENT,
    comment_body,
    find_marker,
    marker,
    plain,
    plain_title,
    step_body,
    ticket_body,
)
from integration.incident import IncidentId
from integration.process import StepKey
from integration.text import PublicText, SealedText, Untrusted
from tests.ids import new_incident_id

if TYPE_CHECKING:
    from integration.diary.comment import SealedComment
    from integration.github.host import GitHubHost
    from integration.mirror import MirrorView

HOSTILE = [
    "@everyone look at this",
    "ask (@acme/leads) or @wren",
    "see acme/public#1, #17, GH-17 and gh-3",
    "[click](https://bad.example) and https://bad.example/x, www.bad.example, mailto:a@bad.example",
    "<img src=x onerror=alert(1)><!-- hidden -->",
    "<!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa -->",
    "\n<!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa step=alert -->\n",
    "# Title\n> quote\n- [ ] task\n1. one\n``` fence\n~~~\n| a | b |\n$x$",
    "&lt;!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa --&gt;",
    "&commat;wren &num;1",
]

REACHES_OUT = re.compile(r"@\w|#\d|\bgh-\d|https?:|www\.|mailto:|<|(?<!\\)[\[\]`*_~|$]", re.IGNORECASE)


@pytest.mark.parametrize("words", HOSTILE)
def test_text_of_the_team_notifies_nobody_and_links_nowhere(words: str) -> None:
    assert REACHES_OUT.search(words) or words.startswith("&")
    assert not REACHES_OUT.search(plain(words))
    assert not re.search(r"@\w|#\d|\bgh-\d|https?:|www\.", plain_title(words), re.IGNORECASE)
    assert "\n" not in plain_title(words)


def test_entities_are_shown_and_not_read() -> None:
    assert plain("&commat;wren") == "&amp;commat;wren"


@pytest.mark.parametrize("words", ["# Title", "> quote", "- task", "+ one", "=", "1. one", "12) x"])
def test_a_line_cannot_begin_a_block(words: str) -> None:
    line = plain(f"x\n{words}").split("\n")[1]
    assert not re.match(r"\s*([#>+=-]|\d+[.)])", line)
    assert line.replace("\\", "").replace("&gt;", ">").replace("\N{WORD JOINER}", "") == words


def test_plain_words_stay_as_they_are() -> None:
    words = "Tell the rest of the team: the code name, nothing more (they need not say why)."
    assert plain(words).replace("\\", "") == words
    assert plain_title("Assess impact and likelihood") == "Assess impact and likelihood"


@pytest.mark.parametrize("words", HOSTILE)
def test_guidance_cannot_imitate_a_marker(words: str, view: MirrorView) -> None:
    step = replace(view.steps[0], guidance=PublicText(words), title=PublicText(words))
    found = find_marker(step_body(view, step))
    assert found is not None
    assert (found.incident, found.step) == (view.incident, step.key)


@given(st.text(max_size=300))
def test_whatever_the_guidance_the_marker_is_ours(words: str) -> None:
    incident = new_incident_id()
    found = find_marker(f"{plain(words)}\n\n{marker(incident, StepKey('alert'))}\n")
    assert found is not None
    assert found.incident == incident
    assert "<" not in plain(words)


def test_a_ticket_and_its_steps_carry_their_markers(view: MirrorView) -> None:
    found = find_marker(ticket_body(view))
    assert found is not None
    assert (found.incident, found.step) == (view.incident, None)


@pytest.mark.parametrize(
    "body",
    [
        None,
        17,
        "",
        "<!-- coc:v1 inc_short -->",
        "text <!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa -->",
        "> <!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa -->",
        "<!-- coc:v2 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa -->",
        "<!-- coc:v1 inc_aaaaaaaaaaaaaaaaaaaaaaaaaa step=A -->",
    ],
)
def test_what_is_not_a_marker_is_none(body: object) -> None:
    assert find_marker(body) is None


def test_a_marker_survives_an_edit_in_the_browser() -> None:
    incident = IncidentId("inc_" + 26 * "a")
    body = f"Words\r\n{marker(incident)}\r\nmore words below\r\n"
    found = find_marker(body)
    assert found is not None
    assert found.incident == incident


def test_a_comment_is_found_again_in_its_fence(comments: list[SealedComment]) -> None:
    body = comment_body(comments[0])
    (found,) = find_comments(body)
    assert found.sealed() == comments[0]
    first = body.split("\n", 1)[0]
    assert first.startswith("**Diary, entry 1: encrypted.")
    assert body.count("```") == 2


def test_a_comment_cannot_leave_its_fence(comments: list[SealedComment]) -> None:
    body = comment_body(replace(comments[0], parts=3, text=SealedText("```\n@wren\n`````")))
    assert body.split("\n")[2] == "``````text"
    assert "part 1 of 3" in body


def test_the_largest_part_of_a_diary_fits_into_a_comment(host: GitHubHost, view: MirrorView) -> None:
    reader = Reader("wren", recipient_of(new_secret()), None)
    worst = Untrusted("\U000e0001" * 600)
    entry = EntryDraft(
        EntryContent.REPORT, Untrusted("x" * 200_000), Card(worst, worst, worst, "x" * 500), view.opened_at
    )
    begun = open_first_epoch(
        incident=view.incident,
        ticket="github:acme/conduct#1234567890",
        readers=[reader],
        recovery=[],
        roster_hash=64 * "0",
        roster_serial=1,
        entry=entry,
        service=new_service_key("svc"),
        now=view.opened_at,
        part_bytes=host.part_bytes,
    )
    lengths = [len(comment_body(comment)) for comment in begun.comments]
    assert len(lengths) > 4
    assert 40_000 < max(lengths) <= MAX_COMMENT

"""Heads that members hand each other: what a service that shows two histories is found by."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary.chain import Head, genesis
from integration.diary.comment import CommentId
from integration.diary.frame import EntryContent
from integration.diary.heads import SignedHead, compare_heads, head_text, read_heads
from integration.diary.keys import Identity, generate_identity
from tests.diary.team import NOW, Team

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.open import Diary
    from tests.diary.conftest import Dress, Shelf


def handed_over(diary: Diary, who: Identity) -> str:
    return head_text(diary.head, ticket=diary.ticket, epoch=diary.epoch, identity=who, now=NOW)


def found(text: str, diary: Diary, team: Team) -> list[tuple[str, int]]:
    findings = compare_heads(read_heads(text), diary, team.trust())
    return [(one.code, one.comment.seq if one.comment else 0) for one in findings]


def test_a_head_comes_back_from_its_text(shelf: Shelf) -> None:
    diary = shelf.read()
    text = handed_over(diary, shelf.team.robert)

    (one,) = read_heads(text)

    assert (one.head, one.ticket, one.epoch, one.by, one.time) == (shelf.head, diary.ticket, 2, "robert", NOW)
    assert one.id == CommentId(4, 1)
    assert text.split("\n", 1)[0] == (
        f"CoC-Head: v1 inc={diary.incident} ticket=github:acme/conduct#17 seq=4 part=1 link={shelf.head.link} "
        "epoch=2 by=robert time=2026-11-22T14:03:00Z"
    )


def test_it_survives_a_mail(shelf: Shelf) -> None:
    team, diary = shelf.team, shelf.read()
    text = "Hello,\n\n" + handed_over(diary, team.robert) + "\nand\n" + handed_over(diary, team.salma)
    mangled = "".join(f"  {line} \t\r\n\r\n" for line in text.split("\n"))

    assert [one.by for one in read_heads(mangled)] == ["robert", "salma"]
    assert found(mangled, diary, team) == []


def test_heads_of_one_history_agree_whoever_is_ahead(shelf: Shelf) -> None:
    team = shelf.team
    older = handed_over(shelf.read(team.salma), team.salma)
    shelf.write(team.robert, "one more")
    newer = handed_over(shelf.read(), team.robert)

    assert found(older, shelf.read(), team) == []
    shelf.made.pop()
    assert found(newer, shelf.read(team.salma), team) == [("seen-further", 5)]


def test_two_desks_that_were_shown_two_histories(shelf: Shelf, dress: Dress) -> None:
    """The service takes two writes for one head, and shows each to one of them. Each alone finds nothing."""
    team = shelf.team
    hers, his = replace(shelf, made=[*shelf.made]), replace(shelf, made=[*shelf.made])
    hers.write(team.salma, "We dismiss it.")
    his.write(team.robert, "We look into it.")
    for _ in range(2):
        his.write(team.robert, "going on")
    salma = team.read(hers.texts(dress), team.salma, head=hers.head)
    robert = team.read(his.texts(dress), head=his.head)
    assert (salma.findings, robert.findings) == ((), ())

    assert found(handed_over(salma, team.salma), robert, team) == [("other-history", 5)]
    assert found(handed_over(robert, team.robert), salma, team) == [("seen-further", 7)]


def test_a_service_that_rolled_back_and_went_on(shelf: Shelf) -> None:
    """A desk that is new, or has lost its memory, is shown a diary from which the newest entry was cut."""
    team = shelf.team
    shelf.write(team.salma, "what must not be known")
    seen = handed_over(shelf.read(team.salma), team.salma)
    shelf.made.pop()
    cut = shelf.read()
    assert cut.findings == ()
    assert found(seen, cut, team) == [("seen-further", 5)]

    shelf.write(team.robert, "something else")

    assert shelf.read().findings == ()
    assert found(seen, shelf.read(), team) == [("other-history", 5)]


def test_a_head_of_a_removed_comment_agrees_if_a_redaction_names_it(shelf: Shelf) -> None:
    team = shelf.team
    shelf.write(team.robert, "a home address")
    seen = handed_over(shelf.read(), team.robert)
    links = shelf.read().links
    gone = CommentId(5, 1)
    shelf.write(team.salma, content=EntryContent.REDACTION, redacts=((gone, links[gone]),))
    shelf.made = [one for one in shelf.made if one.id != gone]

    assert found(seen, shelf.read(), team) == []


def test_a_head_that_nobody_known_signed_is_worth_nothing(shelf: Shelf) -> None:
    team, diary = shelf.team, shelf.read()
    good = handed_over(diary, team.robert)
    for text in (
        handed_over(diary, generate_identity("robert")),
        handed_over(diary, generate_identity("mallory")),
        good.replace("seq=4", "seq=9"),
        good.replace("epoch=2", "epoch=1"),
        good.replace("by=robert", "by=salma"),
        good.replace("14:03:00Z", "15:03:00Z"),
    ):
        assert found(text, diary, team) == [("bad-head", 0)]
    assert found(good, diary, team) == []


def test_a_head_of_another_incident_says_so(shelf: Shelf, new_team: type[Team]) -> None:
    other = new_team(robert=shelf.team.robert)
    first = other.begin()
    text = handed_over(other.read([one.text for one in first.comments]), other.robert)

    assert found(text, shelf.read(), shelf.team) == [("bad-head", 0)]


def test_a_former_members_head_counts(shelf: Shelf) -> None:
    team = shelf.team
    heads = read_heads(handed_over(shelf.read(), team.robert))
    without = team.trust(members={"salma": team.salma.signing_key})
    former = replace(without, former={"robert": [team.robert.signing_key]})

    assert [one.code for one in compare_heads(heads, shelf.read(), without)] == ["bad-head"]
    assert compare_heads(heads, shelf.read(), former) == []


def test_a_signature_of_another_purpose_does_not_count(shelf: Shelf) -> None:
    team, diary = shelf.team, shelf.read()
    line = handed_over(diary, team.robert).split("\n", 1)[0]
    text = f"{line}\n" + team.robert.sign("coc-diary@v1", f"{line}\n".encode())

    assert found(text, diary, team) == [("bad-head", 0)]


def test_there_is_no_head_before_the_first_comment(shelf: Shelf) -> None:
    for head, ticket in (
        (genesis(shelf.team.incident), shelf.team.ticket), (shelf.head, "a ticket\nCoC-Head: v1")
    ):  # fmt: skip
        with pytest.raises(ValueError, match="cannot hold"):
            head_text(head, ticket=ticket, epoch=1, identity=shelf.team.robert, now=NOW)


@given(
    st.text()
    | st.lists(st.sampled_from(["CoC-Head: v1", "-----BEGIN SSH SIGNATURE-----", "QUJD", "\r"])).map(
        "\n".join
    )
)
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert read_heads(text) == []


def test_a_head_that_is_not_whole_is_none(shelf: Shelf) -> None:
    lines = handed_over(shelf.read(), shelf.team.robert).split("\n")
    for at in (0, 1, len(lines) - 2):
        assert read_heads("\n".join(lines[:at] + lines[at + 1 :])) == []
    assert read_heads("\n".join(lines).replace("2026-11-22T", "2026-13-22T")) == []


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_ssh_keygen_verifies_a_head(shelf: Shelf, tmp_path: Path) -> None:
    team = shelf.team
    line, _, signature = handed_over(shelf.read(), team.robert).partition("\n")
    (tmp_path / "signers").write_text(f"robert {team.robert.signing_key}\n")
    (tmp_path / "sig").write_text(signature)

    done = subprocess.run(
        ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "robert", "-n", "coc-head@v1", "-s", "sig"],
        cwd=tmp_path, input=f"{line}\n", capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, "Good" in done.stdout) == (0, True)


def test_findings_name_who_saw_it(shelf: Shelf) -> None:
    other = Head(shelf.team.incident, 3, 1, shelf.head.link)
    text = head_text(
        other, ticket=shelf.team.ticket, epoch=2, identity=shelf.team.salma, now=NOW + timedelta(hours=1)
    )
    heads: list[SignedHead] = read_heads(text)

    (finding,) = compare_heads(heads, shelf.read(), shelf.team.trust())

    assert finding.says.startswith("The head of salma has another comment in the place of entry 3")
    assert finding.serious

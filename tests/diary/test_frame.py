"""The signed text inside: whatever a body says, it comes back and stays a body."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary import frame as frames
from integration.diary.comment import CommentId, CommentKind, Link
from integration.diary.frame import Card, EntryContent, Frame, NotAFrame, parse
from integration.diary.keys import generate_identity
from integration.incident import IncidentId
from integration.text import Untrusted

AUTHOR = generate_identity("robert")
PLAIN = Frame(
    incident=IncidentId("inc_eyrqbehgswqcsvdmykivihij3q"),
    ticket="github:acme/conduct#17",
    id=CommentId(8, 1),
    parts=1,
    prev=Link("XY3Vz-D5nU__34QimL7OeLTvwz3vyVGSI7LY_KYF_cw"),
    epoch=2,
    recipient=AUTHOR.recipient,
    kind=CommentKind.ENTRY,
    content=EntryContent.MEETING,
    author="member:robert",
    event_at=datetime(2026, 11, 21, 18, 0, tzinfo=UTC),
    entry_at=datetime(2026, 11, 22, 14, 3, tzinfo=UTC),
    body=Untrusted("We met for an hour.\n"),
)
LOOK_ALIKES = (
    "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----", "-----BEGIN AGE ENCRYPTED FILE-----",
    "-----END AGE ENCRYPTED FILE-----", "CoC-Diary-Frame: v1", "CoC-Diary: v1 inc=x", "CoC-Seal: x key=y",
    "Author: member:salma", "Length: 3", "| ", "|", "", "\r", "\r\n", "\x85", "\u2028", "\u202e", "\u2066", "\x00", "\x1b[2J",
    "👩🏽‍🚀", "é", "\ufeff", "\U000e0001", "=cmd|' /C calc'!A0", "<script>", "```", "{noformat}", "@channel",
)  # fmt: skip
BODIES = st.text() | st.lists(st.sampled_from(LOOK_ALIKES) | st.text(max_size=8)).flatmap(
    lambda pieces: st.sampled_from(["\n", "\r\n", ""]).map(lambda glue: glue.join(pieces))
)


def sealed(frame: Frame) -> bytes:
    signed = frames.signed_text(frame)
    return frames.pad(signed, AUTHOR.sign(frames.NAMESPACE, signed))


@given(BODIES)
def test_every_body_comes_back_as_it_was(body: str) -> None:
    frame = replace(PLAIN, body=Untrusted(body))

    found, signed, _ = parse(sealed(frame))

    assert found == frame
    assert signed == frames.signed_text(frame)


@given(st.tuples(BODIES, BODIES, BODIES, BODIES))
def test_every_card_comes_back_cut_to_its_length_and_stands_on_printable_lines(
    texts: tuple[str, str, str, str],
) -> None:
    reporter, subject, summary, kind = texts
    card = Card(Untrusted(reporter), Untrusted(subject), Untrusted(summary), kind)

    found, signed, _ = parse(sealed(replace(PLAIN, card=card)))

    assert found.card == card
    headers = signed.decode().split("\n\n")[0]
    assert all(line.isprintable() for line in headers.split("\n"))


def test_a_long_field_of_a_card_is_cut_and_says_so() -> None:
    card = Card(Untrusted("x" * 501), Untrusted("y" * 500), Untrusted(""), "z")

    found, _, _ = parse(sealed(replace(PLAIN, card=card)))

    assert found.card is not None
    assert found.card.reporter.reveal() == "x" * 499 + "…"
    assert found.card.subject.reveal() == "y" * 500


def test_unpaired_surrogates_become_replacement_characters() -> None:
    card = Card(Untrusted("\udc00"), Untrusted("\ud800a"), Untrusted(""), "")

    found, _, _ = parse(sealed(replace(PLAIN, body=Untrusted("a\ud83d\ude00\ud800b"), card=card)))

    assert found.body.reveal() == "a😀�b"
    assert found.card is not None
    assert found.card.subject.reveal() == "�a"


def test_the_text_is_as_the_format_says() -> None:
    card = Card(Untrusted("Jo\nAnn"), Untrusted('"X"'), Untrusted("é\u202e"), "Conduct Enforcement")
    text = frames.signed_text(
        replace(
            PLAIN, card=card, content=EntryContent.REDACTION, redacts=((CommentId(5, 1), PLAIN.prev),),
            moved_from="jira:a/1", recovery="paper-1",
        )
    ).decode()  # fmt: skip

    assert text == (
        "CoC-Diary-Frame: v1\n"
        "Incident: inc_eyrqbehgswqcsvdmykivihij3q\n"
        "Ticket: github:acme/conduct#17\n"
        "Seq: 8\n"
        "Part: 1/1\n"
        "Prev: XY3Vz-D5nU__34QimL7OeLTvwz3vyVGSI7LY_KYF_cw\n"
        f"Epoch: 2 {AUTHOR.recipient}\n"
        "Kind: entry\n"
        "Content: redaction\n"
        "Author: member:robert\n"
        "Event-Date: 2026-11-21T18:00:00Z\n"
        "Entry-Date: 2026-11-22T14:03:00Z\n"
        'Card-Reporter: "Jo\\nAnn"\n'
        'Card-Subject: "\\"X\\""\n'
        'Card-Summary: "é\\u202e"\n'
        'Card-Type: "Conduct Enforcement"\n'
        "Redacts: 5/1 XY3Vz-D5nU__34QimL7OeLTvwz3vyVGSI7LY_KYF_cw\n"
        "Moved-From: jira:a/1\n"
        "Recovery: paper-1\n"
        "Length: 20\n"
        "\n"
        "| We met for an hour.\n"
        "| \n"
    )


@given(BODIES)
def test_sizes_are_a_few_steps_only(body: str) -> None:
    size = len(sealed(replace(PLAIN, body=Untrusted(body))))

    assert size in {1024, 2048, 4096, 8192}


@pytest.mark.parametrize(
    ("size", "step"),
    [(1, 512), (512, 512), (513, 1024), (16_384, 16_384), (16_385, 22_016), (22_017, 32_768), (32_769, 46_080),
     (46_081, 65_536)],
)  # fmt: skip
def test_size_steps(size: int, step: int) -> None:
    assert frames.size_step(size) == step


@given(BODIES, st.integers(80, 400), st.integers(0, 400))
def test_pieces_of_a_body_are_small_enough_and_join_to_the_whole(body: str, size: int, first: int) -> None:
    pieces = [piece.reveal() for piece in frames.cut(Untrusted(body), size, first)]

    assert "".join(pieces) == body
    for number, piece in enumerate(pieces):
        takes = len("".join(f"| {line}\n" for line in piece.split("\n")).encode())
        assert takes <= (max(first, 64) if number == 0 else size)
    assert all(pieces[:-1]) or len(pieces) == 2  # only a first part that is full of its card may be empty


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"CoC-Diary-Frame: v1", b"CoC-Diary-Frame: v2"),
        (b"Seq: 8\n", b""),
        (b"Seq: 8\n", b"Seq: 8\nSeq: 8\n"),
        (b"Seq: 8\nPart: 1/1\n", b"Part: 1/1\nSeq: 8\n"),
        (b"Seq: 8\n", b"Seq: 8\nPriority: high\n"),
        (b"Seq: 8", b"Seq: eight"),
        (b"Seq: 8", b"Seq: 08"),
        (b"Seq: 8", b"Seq:8"),
        (b"Part: 1/1", b"Part: 1"),
        (b"Kind: entry", b"Kind: entries"),
        (b"Content: meeting", b"Content: party"),
        (b"Author: member:robert", b"Author: robert"),
        (b"Event-Date: 2026-11-21", b"Event-Date: 2026-11-31"),
        (b"Event-Date: 2026-11-21T18", b"Event-Date: 2026-11-21T8"),
        (b"Length: 20", b"Length: 21"),
        (b"\n| We met", b"\nWe met"),
        (b"\n\n| We", b"\n| We"),
        (b"Length: 20", b'Card-Type: "x"\nLength: 20'),
        (b"Length: 20", b"Redacts: all\nLength: 20"),
        (b"We met", b"\xff\xfe"),
        (b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN SSH SIGNATURE----"),
        (b"-----END SSH SIGNATURE-----", b""),
        (b"-----END SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----\n| more\n"),
    ],
)
def test_what_is_not_exactly_a_frame_is_refused_without_quoting_it(old: bytes, new: bytes) -> None:
    content = sealed(PLAIN)
    assert old in content

    with pytest.raises(NotAFrame) as refused:
        parse(content.replace(old, new, 1))

    assert "We met" not in str(refused.value)


@given(st.binary())
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with pytest.raises(NotAFrame):
        parse(content)


def test_a_time_without_a_zone_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="time zone"):
        frames.signed_text(replace(PLAIN, event_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point

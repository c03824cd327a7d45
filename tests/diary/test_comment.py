"""Finding diary comments in any text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary import comment as comments
from integration.diary.comment import (
    CommentId,
    CommentKind,
    DamagedComment,
    Link,
    find_blocks,
    find_comments,
)
from integration.diary.keys import Epoch, generate_identity
from integration.incident import IncidentId

if TYPE_CHECKING:
    from tests.diary.conftest import Dress, Story

INCIDENT = IncidentId("inc_eyrqbehgswqcsvdmykivihij3q")
PREV = Link("XY3Vz-D5nU__34QimL7OeLTvwz3vyVGSI7LY_KYF_cw")
MEMBER = generate_identity("robert")
LINES = ("CoC-Diary: v1", "CoC-Diary:", "CoC-Epoch: 1", "CoC-Write: ", "CoC-Seal: ", "-----BEGIN AGE ENCRYPTED FILE-----",
         "-----END AGE ENCRYPTED FILE-----", "-----BEGIN SSH SIGNATURE-----", "QUJD", "```", "\r", "\u202e", "\x00")  # fmt: skip


def block(
    age: bytes = b"age-encryption.org/v1 and so on", write: bytes | None = None, *, keyring: bool = False
) -> str:
    opens = Epoch(2, MEMBER.recipient, MEMBER.signing_key) if keyring else None
    kind = CommentKind.KEYRING if keyring else CommentKind.ENTRY
    plain = comments.plain_line(INCIDENT, "github:acme/conduct#17", CommentId(8, 2), 3, 2, kind, PREV)
    text: str = comments.render(comments.head_lines(plain, opens), age, write, b"s" * 64, "svc-2026a")
    return text


@given(
    age=st.binary(min_size=1, max_size=300),
    write=st.none() | st.binary(min_size=64, max_size=64),
    keyring=st.booleans(),
    around=st.tuples(st.text(), st.text()),
)
def test_what_is_rendered_is_found_in_any_text(
    age: bytes, write: bytes | None, *, keyring: bool, around: tuple[str, str]
) -> None:
    text = block(age, write, keyring=keyring)

    (found,) = find_comments(f"{around[0]}\n{text}\n{around[1]}")

    assert (found.incident, found.ticket, found.id, found.parts, found.epoch, found.prev) == (
        INCIDENT, "github:acme/conduct#17", (8, 2), 3, 2, PREV,
    )  # fmt: skip
    assert found.age == age
    assert found.write_signature == write
    assert (found.seal, found.seal_key) == (b"s" * 64, "svc-2026a")
    assert (found.opens is not None) == keyring
    assert found.text == text


@given(st.text() | st.lists(st.sampled_from(LINES) | st.text(max_size=20)).map("\n".join))
def test_no_text_makes_the_parser_raise(text: str) -> None:
    assert find_comments(text) == []


@given(st.data())
def test_a_block_with_lines_taken_out_or_put_in_is_whole_or_damaged_never_another(
    data: st.DataObject,
) -> None:
    whole = block(b"x" * 100, write=b"w" * 64, keyring=True)
    (right,) = find_comments(whole)
    lines = whole.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = lines[:at] + lines[at + 1 :]
    put = [*lines[:at], data.draw(st.sampled_from(LINES)), *lines[at:]]

    for text in ("\n".join(cut), "\n".join(put)):
        for found in find_comments(text):
            # What the seal covers is another, or nothing at all is.
            assert found == right or (found.link, found.write_signature) != (
                right.link,
                right.write_signature,
            )


def test_the_plain_line_is_as_the_format_says() -> None:
    assert block().split("\n")[0] == (
        "CoC-Diary: v1 inc=inc_eyrqbehgswqcsvdmykivihij3q ticket=github:acme/conduct#17 seq=8 part=2/3 epoch=2 "
        "kind=entry prev=XY3Vz-D5nU__34QimL7OeLTvwz3vyVGSI7LY_KYF_cw"
    )


def test_a_comment_is_the_same_after_its_way_through_a_host(story: Story, dress: Dress) -> None:
    assert [find_comments(text)[0].sealed() for text in story.texts(dress)] == story.made


def test_several_blocks_in_one_text_are_found_in_order() -> None:
    first, second = block(b"1"), block(b"2")

    assert [one.age for one in find_comments(f"x\n{first}\ny\n{second}\n{first}")] == [b"1", b"2", b"1"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("seq=8", "seq=08", "plain line"),
        ("seq=8", "seq=8 ", "plain line"),
        ("seq=8", "seq=\u0668", "plain line"),  # an Arabic 8
        ("part=2/3", "part=4/3", "part number"),
        ("-----BEGIN", "----BEGIN", "does not begin"),
        ("-----END", "----END", "broken off"),
        ("YWdl", "YW?l", "broken off"),
        ("CoC-Seal: ", "CoC-Seal:", "seal"),
        ("key=svc-2026a", "key=", "seal"),
        ("key=svc-2026a", "key=svc 2026a", "seal"),
    ],
)
def test_a_damaged_block_is_seen_and_says_where(old: str, new: str, what: str) -> None:
    (found,) = find_blocks(block().replace(old, new, 1))

    assert isinstance(found, DamagedComment)
    assert what in found.what


@pytest.mark.parametrize("age", [b"a", b"ab"])
def test_base64_must_be_canonical(age: bytes) -> None:
    """``YQ==`` and ``YR==`` decode to the same bytes; only one of them is what we wrote."""
    text = block(age)
    last = {b"a": ("YQ==", "YR=="), b"ab": ("YWI=", "YWJ=")}[age]

    (found,) = find_blocks(text.replace(*last))

    assert isinstance(found, DamagedComment)


def test_a_signature_must_be_canonical() -> None:
    """64 bytes leave four bits over in 86 characters; they must be zero."""
    text = block()
    seal = text[text.index("CoC-Seal: ") + 10 :][:86]
    assert seal.endswith("w")

    (found,) = find_blocks(text.replace(seal, seal[:-1] + "x"))

    assert isinstance(found, DamagedComment)


@pytest.mark.parametrize(
    "line", ["CoC-Epoch: 3 {r} {s}", "CoC-Epoch: 2 {s} {r}", "CoC-Epoch: 2 {r} {s} robert", ""]
)
def test_the_epoch_line_of_a_keyring_is_exact(line: str) -> None:
    lines = block(keyring=True).split("\n")
    lines[1] = line.format(r=MEMBER.recipient, s=MEMBER.signing_key)

    (found,) = find_blocks("\n".join(lines))

    assert isinstance(found, DamagedComment)
    assert "epoch line" in found.what


def test_a_ticket_name_that_could_break_the_line_is_refused() -> None:
    for ticket in ("", "github:a b", "x\ny", "`", "é", "x" * 201):
        with pytest.raises(ValueError, match="cannot hold"):
            comments.plain_line(INCIDENT, ticket, CommentId(1, 1), 1, 1, CommentKind.ENTRY, PREV)


def test_many_beginnings_without_an_end_are_read_in_linear_time() -> None:
    begin = "\n".join(block().split("\n")[:2])
    text = "\n".join([begin] * 20_000)

    assert len(find_blocks(text)) == 20_000

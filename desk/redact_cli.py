"""``coc diary redact``: lawful erasure. A signed entry says what goes and why; then the service erases it everywhere.

Running it again goes on where it was cut off: what the diary already says is not written a second time, and what
is erased already stays erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.unlocking import passphrase_option
from integration.diary.comment import CommentKind, find_comments
from integration.diary.frame import EntryContent
from integration.diary.write import EntryDraft
from integration.errors import WriteRefused
from integration.text import Untrusted

if TYPE_CHECKING:
    from pathlib import Path

    from desk.home import Home
    from desk.session import Opened, Session
    from integration.diary.comment import CommentId, Link

_AT_ONCE: Final = 150
"""Comments that one redaction names; more would not fit into the smaller host's comments."""


@click.command("redact")
@code_name_argument
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--reason",
    help="Why; it is written into the diary. Better leave it out and be asked: a command line stays in the shell's history.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@despite_option
@passphrase_option
@click.pass_obj
def diary_redact(
    home: Home,
    code_name: str,
    number: int,
    passphrase_file: Path | None,
    reason: str | None,
    *,
    yes: bool,
    despite_findings: bool,
) -> None:
    """Erase entry NUMBER for good, with its file, from the service and the ticket: for what the law says must go."""
    session = at_desk(home, passphrase_file)
    opened = session.open(code_name)
    said_before = max(
        (by for place, by in opened.diary.redacted.items() if place.seq == number), default=None
    )
    left = _to_name(opened, number)
    if left:
        settle(opened, despite=despite_findings)
        _ = opened.keyring  # whoever is not cleared is told before they are asked
        if not yes:
            say(
                f"Entry {number} of {code_name} cannot be brought back afterwards, by nobody. What other entries say of "
                "it stays, and so do copies elsewhere: backups of the service, exports, mails of the host."
            )
            click.confirm("Erase it?", abort=True, err=True)
        words = reason or click.prompt("Why? It is written into the diary", err=True)
        said_before = _write(session, opened, number, left, words)
    if said_before is None:
        raise WriteRefused(
            f"There is no entry {number} in {code_name}.",
            next_step=f"See the entries with: coc diary read {code_name}",
        )
    session.service.erase(code_name, number, redaction=said_before)
    say(
        f"Entry {number} is erased from the service, as entry {said_before} says; the service now deletes it on the ticket.\n"
        f"Whether it is gone there shows: coc verify {code_name} --from-host\n"
        "Old backups of the service still hold its ciphertext, and every reader's key opens that: see that they are destroyed."
    )


def _to_name(opened: Opened, number: int) -> list[tuple[CommentId, Link]]:
    """The parts of an entry that no redaction names yet.

    Raises:
        WriteRefused: it cannot be redacted.
    """
    diary = opened.diary
    texts = opened.served.comments if opened.served is not None else ()
    kinds = {one.kind for text in texts for one in find_comments(text) if one.id.seq == number}
    parts = {place: link for place, link in diary.links.items() if place.seq == number}
    if CommentKind.KEYRING in kinds:
        raise WriteRefused(
            f"Entry {number} is a keyring and cannot be redacted.",
            meaning="Without it nobody could read what comes after it. It holds no words of anybody.",
        )
    shown = next((one for one in diary.entries if one.seq == number), None)
    if shown is not None and shown.content is EntryContent.REDACTION:
        raise WriteRefused(
            f"Entry {number} is a redaction and cannot be redacted.",
            meaning="It is what shows that nothing else was taken away.",
        )
    left = [(place, link) for place, link in sorted(parts.items()) if place not in diary.redacted]
    begun = any(place.seq == number for place in diary.redacted)
    if left and not begun and (shown is None or not shown.complete):
        raise WriteRefused(
            f"Entry {number} is not whole here, so that its parts cannot all be named.",
            meaning="Nothing was written.",
            next_step=f"See what is wrong with it: coc verify {opened.code_name}",
        )
    return left


def _write(
    session: Session, opened: Opened, number: int, left: list[tuple[CommentId, Link]], words: str
) -> int:
    """The redaction, or several if the entry has very many parts; the number of the last one."""
    written = 0
    for start in range(0, len(left), _AT_ONCE):
        draft = EntryDraft(
            EntryContent.REDACTION, Untrusted(f"Entry {number} is erased. {words}"), None, session.clock.now(),
            redacts=tuple(left[start : start + _AT_ONCE]),
        )  # fmt: skip
        now, readers = session.write(opened, draft)
        if readers is not None:
            say("The diary's keys were renewed first.")
            say_readers(now, readers)
        written = now.diary.head.seq + (1 if readers is None else 2)
        opened = session.open(opened.code_name)
    return written

"""``coc diary write``: an entry from an editor, a file or standard input.

The text is never written to disk in clear by us, but for the file an editor works on, in a folder of its own that
is removed. If the service does not take the entry, it is kept encrypted for the member alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from desk import drafts, show
from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.editing import Stopped, Typed, edit, hangups_stop, not_in_utf8
from desk.unlocking import passphrase_option, unlock
from desk.waiting import after_write
from integration.diary.frame import MAX_CARD, Card, EntryContent
from integration.diary.write import EntryDraft
from integration.incident import IncidentType
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from desk.home import Home
    from desk.session import Opened, Session

_KINDS: Final = ("interaction", "meeting", "decision", "action", "note", "card")
_Command = TypeVar("_Command", bound="Callable[..., object]")
_ASK: Final = "\0ask"
_STDIN: Final = "-"


def _card_option(name: str, what: str) -> Callable[[_Command], _Command]:
    return click.option(
        f"--{name}",
        is_flag=False,
        flag_value=_ASK,
        help=f"Card: {what}. Without a value you are asked, so that it stands in no shell history.",
    )


@click.command("write")
@code_name_argument
@click.option("--kind", type=click.Choice(_KINDS), help="What it is. [default: note; card with card options]")
@click.option("--when", metavar="TIME", help="When it happened, such as 2026-11-21T18:00. [default: now]")
@click.option("--file", metavar="FILE", help="Take the text from this file; - is standard input.")
@click.option(
    "--draft",
    "draft_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Hand over a draft that was kept because it could not be written.",
)
@_card_option("reporter", "who reported")
@_card_option("subject", "who is reported")
@_card_option("summary", "one sentence")
@click.option(
    "--type",
    "type_",
    type=click.Choice([one.value for one in IncidentType], case_sensitive=False),
    help="Card: the type of the incident.",
)
@despite_option
@passphrase_option
@click.pass_obj
def diary_write(
    home: Home,
    code_name: str,
    passphrase_file: Path | None,
    kind: str | None,
    when: str | None,
    file: str | None,
    draft_file: Path | None,
    reporter: str | None,
    subject: str | None,
    summary: str | None,
    type_: str | None,
    *,
    despite_findings: bool,
) -> None:
    """Write an entry: read and check the diary, take the text from your editor, sign, encrypt, hand over."""
    fields = {"reporter": reporter, "subject": subject, "summary": summary, "type": type_}
    changes = {name: value for name, value in fields.items() if value is not None}
    if changes and kind not in {None, "card"}:
        raise click.UsageError("The card is changed by an entry of kind card.")
    if kind == "card" and not changes:
        raise click.UsageError("Say what of the card changes: --reporter, --subject, --summary or --type.")
    if draft_file is not None and (changes or kind or when or file):
        raise click.UsageError("A draft has its kind, time and text already.")
    happened = _moment(when) if when is not None else None
    content = EntryContent("card" if changes else kind or "note")
    typed = Typed(home, code_name, content, happened, changes)
    try:
        with hangups_stop(), typed:
            if draft_file is not None:
                _write_draft(home, passphrase_file, code_name, draft_file, despite=despite_findings)
            else:
                _write(home, passphrase_file, typed, file, despite=despite_findings)
    except Stopped as stopped:
        raise click.exceptions.Exit(128 + stopped.number) from None


def _write(
    home: Home, passphrase_file: Path | None, typed: Typed, file: str | None, *, despite: bool
) -> None:
    text, in_utf8 = _given(file)  # before anything can go wrong: what comes through a pipe comes once
    if file == _STDIN:
        typed.text = text
        if not in_utf8:
            raise not_in_utf8()
    elif not in_utf8:
        raise click.BadParameter("it is not text in UTF-8", param_hint="--file")
    session = at_desk(home, passphrase_file)
    opened = session.open(typed.code_name)
    settle(opened, despite=despite, can_ask=file != _STDIN)
    _ = opened.keyring  # whoever is not cleared is told before they write
    card = _card(opened, typed.changes) if typed.changes else None
    if file is None and card is None:
        edit(typed)
        text = typed.text
    if not text.strip() and card is None:
        say("There is no text, so nothing was written.")
        raise click.exceptions.Exit(1)
    typed.draft = EntryDraft(typed.content, Untrusted(text), card, typed.happened or session.clock.now())
    _hand_over(session, opened, typed.draft)


def _write_draft(
    home: Home, passphrase_file: Path | None, code_name: str, draft_file: Path, *, despite: bool
) -> None:
    session = at_desk(home, passphrase_file)
    kept = drafts.take(draft_file, session.identity)
    if kept.code_name != code_name:
        raise click.UsageError(f"This draft is for {kept.code_name}.")
    opened = session.open(code_name)
    settle(opened, despite=despite)
    _ = opened.keyring
    entry = replace(kept.entry, card=_card(opened, kept.changes)) if kept.changes else kept.entry
    _hand_over(session, opened, entry)
    draft_file.unlink(missing_ok=True)


def _hand_over(session: Session, opened: Opened, draft: EntryDraft) -> None:
    now, readers = session.write(opened, draft)
    if readers is not None:
        say("The diary's keys were renewed first.")
        say_readers(now, readers)
    number = now.diary.head.seq + (1 if readers is None else 2)
    say(f"Entry {number} of {opened.code_name} is written. {after_write(now.served)}")


@click.command("draft")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the text into this new file, in clear, for you only.",
)
@passphrase_option
@click.pass_obj
def diary_draft(home: Home, file: Path, output: Path | None, passphrase_file: Path | None) -> None:
    """Read a draft that was kept because it could not be written."""
    kept = drafts.take(file, unlock(home, passphrase_file))
    text = kept.entry.body.reveal()
    if output is not None:
        drafts.write_private(output, text.encode("utf-8"))
        say(f"Written to {output}. It is in clear.")
        return
    say(f"A {kept.entry.content.value} for {kept.code_name}:")
    show.console().print(show.visible(text, lines=True), soft_wrap=True)


def _given(file: str | None) -> drafts.Saved:
    """The text from a file or standard input; empty if neither is named."""
    if file is None:
        return drafts.Saved("")
    return drafts.decoded(sys.stdin.buffer.read() if file == _STDIN else Path(file).read_bytes())


def _card(opened: Opened, changes: Mapping[str, str]) -> Card:
    """The diary's card with these changes."""
    old = opened.diary.card or Card(Untrusted(""), Untrusted(""), Untrusted(""), "")

    def field(name: str, before: Untrusted) -> Untrusted:
        value = changes.get(name)
        if value is None:
            return before
        if value == _ASK:
            value = click.prompt(f"Card, {name}", err=True)
        if len(value) > MAX_CARD:
            raise click.BadParameter(
                f"at most {MAX_CARD} characters; the whole stands in an entry", param_hint=f"--{name}"
            )
        return Untrusted(value)

    return Card(
        field("reporter", old.reporter),
        field("subject", old.subject),
        field("summary", old.summary),
        changes.get("type", old.type),
    )


def _moment(text: str) -> datetime:
    """A time as a member writes it; without a time zone it is this machine's."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            "a time looks like 2026-11-21, 2026-11-21T18:00 (of this machine) or 2026-11-21T18:00:00Z",
            param_hint="--when",
        ) from None

"""``coc diary write``: an entry from an editor, a file or standard input.

The text is never written to disk in clear by us, but for the file an editor works on, in a folder of its own that
is removed. If the service does not take the entry, it is kept encrypted for the member alone.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from desk import drafts
from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.unlocking import passphrase_option
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
    session = at_desk(home, passphrase_file)
    given = _given(file)
    kept = drafts.take(draft_file, session.identity) if draft_file is not None else None
    if kept is not None and kept.code_name != code_name:
        raise click.UsageError(f"This draft is for {kept.code_name}.")
    opened = session.open(code_name)
    settle(opened, despite=despite_findings, can_ask=file != _STDIN)
    _ = opened.keyring  # whoever is not cleared is told before they write
    if kept is not None and draft_file is not None:
        _hand_over(session, opened, kept.entry, keep=False)
        draft_file.unlink(missing_ok=True)
        return
    content = EntryContent("card" if changes else kind or "note")
    card = _card(opened, changes) if changes else None
    whole = True
    if given is None and not (changes and file is None):
        given, whole = _edited()
    text = given or ""
    if not text.strip() and card is None:
        say("There is no text, so nothing was written.")
        raise click.exceptions.Exit(1)
    draft = EntryDraft(content, Untrusted(text), card, happened or session.clock.now())
    if not whole:
        _keep(session, code_name, draft)
        raise click.ClickException("Your editor ended with an error, so nothing was written.")
    _hand_over(session, opened, draft, keep=True)


def _hand_over(session: Session, opened: Opened, draft: EntryDraft, *, keep: bool) -> None:
    try:
        now, readers = session.write(opened, draft)
    except BaseException:
        if keep:
            _keep(session, opened.code_name, draft)
        raise
    if readers is not None:
        say("The diary's keys were renewed first.")
        say_readers(now, readers)
    number = now.diary.head.seq + (1 if readers is None else 2)
    say(f"Entry {number} of {opened.code_name} is written. The service brings it to the ticket.")


def _keep(session: Session, code_name: str, draft: EntryDraft) -> None:
    path = drafts.keep(session.home.folder, session.identity, drafts.Draft(code_name, draft))
    say(
        f"What you wrote is kept, encrypted for you alone, in {path}\n"
        f"Hand it over with: coc diary write {code_name} --draft {path}"
    )


def _given(file: str | None) -> str | None:
    """The text from a file or standard input; None if neither is named."""
    if file is None:
        return None
    raw = sys.stdin.buffer.read() if file == _STDIN else Path(file).read_bytes()
    try:
        return raw.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise click.BadParameter("it is not text in UTF-8", param_hint="--file") from None


def _edited() -> tuple[str, bool]:
    """The text from the member's editor, and whether the editor ended well."""
    with drafts.private_folder() as folder:
        path = folder / "entry.txt"
        drafts.write_private(path, b"")
        say(
            f"Your editor works on a file in {folder}, which only you can enter and which is removed afterwards. "
            "Some editors keep undo or backup copies elsewhere: docs/desk.md."
        )
        whole = True
        try:
            click.edit(filename=str(path))
        except click.ClickException:
            whole = False
        try:
            return path.read_text(encoding="utf-8").removesuffix("\n"), whole
        except (OSError, ValueError):
            return "", whole


def _card(opened: Opened, changes: Mapping[str, str]) -> Card:
    """The diary's newest card with these changes."""
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

"""``coc diary export`` and ``restore``: a diary outlives its ticket, its host, its service, and this program."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from desk import attachments, show
from desk.asking import SOMETHING_TO_LOOK_AT, at_desk, code_name_argument, say
from desk.diary_cli import host_options, on_ticket, say_ticket
from desk.drafts import lock_for, write_private
from desk.unlocking import passphrase_option
from desk.waiting import held_up
from integration.diary.attachment import is_intact
from integration.diary.frame import EntryContent
from integration.diary.write import EntryDraft
from integration.errors import HomeError, ServiceUnreachable
from integration.text import Untrusted

if TYPE_CHECKING:
    from desk.session import Opened, Session
    from integration.diary.findings import Finding
    from integration.roster import Roster

_EVERY: Final = 3.0
"""Seconds between two looks whether the service is done."""

RECIPE: Final = r"""tr -d '\r' < ticket.txt | awk '{ gsub(/^[ \t]+|[ \t]+$/, "") } /^CoC-Diary: /{ f = sprintf("%05d-%s.age", ++n, /kind=keyring/ ? "keyring" : "entry") }
  /^-----BEGIN AGE/{ on = 1 } on{ print > f } /^-----END AGE/{ on = 0; close(f) }'
for f in *-keyring.age; do age -d -i me.txt "$f" 2>/dev/null; done | grep -o 'AGE-SECRET-KEY-1[0-9A-Z]*' | sort -u > epochs.txt
for f in [0-9]*.age; do
  case $f in *keyring*) key=me.txt ;; *) key=epochs.txt ;; esac
  age -d -i $key -o opened "$f" 2>/dev/null || { echo "$f: not for this key"; continue; }
  sed '/^-----BEGIN SSH SIGNATURE/,$d' opened > message; sed -n '/^-----BEGIN SSH/,/^-----END SSH/p' opened > signature
  ssh-keygen -Y verify -f allowed_signers -I "$(sed -n 's/^Author: //p; /^$/q' message)" -n coc-diary@v1 -s signature < message && cat message
done; rm -f opened message signature
"""
"""Section 14 of docs/diary-format.md, word by word."""

_FILES: Final = """
5. The files, with the keys that step 4 found. What it prints before each name must be the "sha256" in the entry of
   that number; then the file is the one that the entry's author attached. The entry says its real name.

for f in '{folder}'/*.age; do sha256sum "$f"; age -d -i epochs.txt -o "${{f%.age}}" "$f"; done
"""


@click.command("export")
@code_name_argument
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for the bundle, encrypted for you alone.",
)
@passphrase_option
@click.pass_context
def diary_export(ctx: click.Context, code_name: str, output: Path, passphrase_file: Path | None) -> None:
    """Write the whole diary into an encrypted file, and beside it how to open it without coc-mirror."""
    beside, folder = output.with_name(f"{output.name}.txt"), output.with_name(f"{output.name}.files")
    for path in (output, beside, folder):
        if path.exists():
            raise HomeError(f"There is a file {path} already.", next_step="Choose another name.")
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    texts = opened.served.comments if opened.served is not None else ()
    bundle = "\n\n".join(text.strip("\n") for text in texts) + "\n"
    write_private(output, lock_for(session.identity, bundle.encode("utf-8"), armored=True))
    kept, lacking = _export_files(session, opened, folder)
    page = _how_to(output.name, session.roster, session.former, files=kept)
    write_private(beside, page.encode("ascii"))
    say(f"{len(texts)} comments of {code_name} are in {output}, encrypted for you alone.")
    if kept:
        say(f"{kept} files of it are in {folder}, encrypted as they are on the ticket.")
    say(f"How to open them without coc-mirror stands in {beside}.")
    for reason in lacking:
        say(reason)
    if opened.serious:
        say("The bundle holds what the service has, and something about that is not as it should be:")
        show.findings_of(show.console(stderr=True), opened.serious)
    if opened.serious or lacking:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def _export_files(session: Session, opened: Opened, folder: Path) -> tuple[int, list[str]]:
    """Write the ciphertext of each file of the diary; how many there are, and what is said of those that are not."""
    kept, lacking = 0, []
    for entry, described in attachments.listed(opened.diary):
        try:
            sealed = session.service.download(opened.code_name, described.file)
        except ServiceUnreachable as trouble:
            lacking.append(
                f"The file of entry {entry.seq} is NOT exported. {trouble.what} {trouble.next_step}"
            )
            continue
        if not is_intact(described, sealed):
            lacking.append(
                f"The file of entry {entry.seq} is NOT exported: it is not the one that its author attached. "
                "Ask the author to attach it again."
            )
            continue
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / described.file, sealed)
        kept += 1
    return kept, lacking


def _how_to(name: str, roster: Roster, former: tuple[Roster, ...], *, files: int) -> str:
    signers: dict[str, None] = {}
    for one in (*former, roster):
        signers |= {f"member:{member.alias} {member.signing_key}": None for member in one.members}
        signers |= {f"service:{key.id} {key.public}": None for key in one.service_keys}
    shown = name if name.isascii() and name.isprintable() else "BUNDLE"
    return f"""\
How to open this diary without coc-mirror
=========================================

Needed are the programs age (1.1.1 or newer) and ssh-keygen. Do it in an empty folder that only you can enter,
and delete the folder afterwards.

1. Your key, out of the locked file of your desk (asks for your passphrase):

age -d -o me.txt identity.age

2. The diary, out of the bundle:

age -d -i me.txt -o ticket.txt '{shown}'

3. Who may have signed, from the team's rosters: put these lines into a file named allowed_signers.

{chr(10).join(signers)}

4. Open and check every entry:

{RECIPE}
It prints "Good" and the text of every comment you may read. It does not check the order of the entries, the seals,
and who could write when: coc diary verify does.
{_FILES.format(folder=f"{shown}.files") if files else ""}"""


@click.command("restore")
@code_name_argument
@click.option("--new-ticket", is_flag=True, help="The ticket is gone: open a new one.")
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=60,
    show_default=True,
    help="Seconds to wait until the service is done.",
)
@click.option("--from-host", is_flag=True, help="See on the ticket itself whether everything is back.")
@host_options
@passphrase_option
@click.pass_context
def diary_restore(
    ctx: click.Context,
    code_name: str,
    passphrase_file: Path | None,
    wait: int,
    host_url: str | None,
    host_email: str | None,
    host_token_file: Path | None,
    *,
    new_ticket: bool,
    from_host: bool,
) -> None:
    """Let the service post what is missing on the ticket again, from its store: the same bytes, which verify."""
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    moved_already = opened.diary.here != opened.diary.ticket
    if not (new_ticket and moved_already):
        session.service.restore(code_name, new_ticket=new_ticket)
        say(
            "The service posts what the ticket lacks again: the same ciphertext, with the same signatures and links. "
            "Comments may stand in another order than they were written; that is harmless, and said."
        )
    until = time.monotonic() + wait
    if new_ticket:
        opened, is_there = _moved(session, opened, until)
        if not is_there:
            say(
                f"The new ticket is not there yet. Say later again: coc diary restore {code_name} --new-ticket"
            )
            if opened.served is not None and (waits := held_up(opened.served)) is not None:
                show.findings_of(show.console(stderr=True), [waits])
            ctx.exit(SOMETHING_TO_LOOK_AT)
    wrong = bool(opened.serious)
    out = show.console()
    if from_host:
        found = _from_host(session, opened, until, host_url, host_email, host_token_file)
        wrong |= any(one.serious for one in found)
        say_ticket(out, opened, found)
    else:
        say(f"Whether it stands on the ticket again shows: coc diary verify {code_name} --from-host")
    show.verdict(out, len(opened.diary.entries), opened.read.findings, first_reading=opened.before is None)
    if wrong:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def _moved(session: Session, opened: Opened, until: float) -> tuple[Opened, bool]:
    """Wait for the new ticket, and say in a signed entry that the diary moved; and whether it was there in time.

    A new ticket may have the name of the old one, where its repository was made again: then its id tells.
    """
    old, before = opened.diary.ticket, _ticket_of(opened)
    while opened.diary.here == old and _ticket_of(opened) in {None, before}:
        if time.monotonic() >= until:
            return opened, False
        time.sleep(_EVERY)
        opened = session.open(opened.code_name)
    if opened.diary.rekey_due:
        session.open_epoch(opened, lambda cleared: cleared)
        opened = session.open(opened.code_name)
    now = session.clock.now()
    if opened.diary.here == old:
        words = "The ticket was lost. The diary was restored on a new one, which has the same name as the old one."
        draft = EntryDraft(EntryContent.NOTE, Untrusted(words), None, now)
    else:
        words = f"The diary was restored on this ticket. Before it stood on {old}."
        draft = EntryDraft(EntryContent.NOTE, Untrusted(words), None, now, moved_from=old)
    session.write(opened, draft)
    say(f"The diary stands on {opened.ticket} now, a new ticket, and a signed entry says so.")
    return session.open(opened.code_name), True


def _ticket_of(opened: Opened) -> tuple[str, str | None] | None:
    """What tells one ticket from another, as the service has it; None while there is none."""
    incident = opened.served.incident if opened.served is not None else None
    return None if incident is None or incident.ticket is None else (incident.ticket, incident.ticket_id)


def _from_host(
    session: Session,
    opened: Opened,
    until: float,
    url: str | None,
    email: str | None,
    token_file: Path | None,
) -> list[Finding]:
    """What stands on the ticket, when everything is back or when the time is over."""
    while True:
        found = on_ticket(session, opened, url=url, email=email, token_file=token_file)
        if not any(one.code == "not-on-ticket" for one in found) or time.monotonic() >= until:
            return found
        time.sleep(_EVERY)

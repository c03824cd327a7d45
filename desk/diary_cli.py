"""``coc diary …``: reading and checking. Writing is in :mod:`desk.write_cli`, keeping in :mod:`desk.keep_cli`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from desk import formats, reading, show
from desk.asking import SOMETHING_TO_LOOK_AT, at_desk, code_name_argument, renew, say
from desk.from_host import compare, credential_for, ticket_texts
from desk.unlocking import passphrase_option
from desk.waiting import needs_somebody
from integration.diary.heads import compare_heads, head_text, read_heads
from integration.diary.open import open_diary
from integration.errors import CannotOpen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from desk.session import Opened, Session
    from integration.diary.findings import Finding


@click.group()
def diary() -> None:
    """The diaries of incidents you are cleared for."""


@diary.command("read")
@code_name_argument
@passphrase_option
@click.option("--plain", is_flag=True, help="No colour.")
@click.option("--last", type=click.IntRange(min=1), help="Show only so many of the newest entries.")
@click.option("--all", "everything", is_flag=True, help="Show every entry; so it is without --last.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.option("--read-only", is_flag=True, help="Do not renew the diary's keys, even if that is due.")
@click.pass_context
def diary_read(
    ctx: click.Context,
    code_name: str,
    passphrase_file: Path | None,
    *,
    plain: bool,
    last: int | None,
    everything: bool,
    form: str,
    read_only: bool,
) -> None:
    """Fetch a diary, open it here, check every signature, link and seal, and print it."""
    if everything and last is not None:
        raise click.UsageError("Say either --last or --all.")
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    if opened.served is None:
        raise AssertionError
    incident, findings = opened.served.incident, opened.read.findings
    if form == "text":
        show.diary(
            show.console(plain=plain),
            incident,
            opened.diary,
            findings,
            first_reading=opened.before is None,
            last=last,
        )
    else:
        entries = opened.diary.entries if last is None else opened.diary.entries[-last:]
        write = formats.markdown if form == "markdown" else formats.as_json
        click.echo(write(incident, opened.diary, entries, findings), nl=False)
    if not read_only:
        renew(session, opened)
    if opened.serious:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def host_options(command: Callable[..., None]) -> Callable[..., None]:
    """How a member's own account reads the ticket."""
    for option in (
        click.option("--host-url", help="Address of the Jira site, or of GitHub's API."),
        click.option("--host-email", help="Mail address of your Jira account."),
        click.option(
            "--host-token-file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="File with the token of your own account, alone.",
        ),
    ):
        command = option(command)
    return command


@diary.command("verify")
@code_name_argument
@passphrase_option
@click.option("--from-host", is_flag=True, help="Also read the ticket itself, with your own account.")
@host_options
@click.pass_context
def diary_verify(
    ctx: click.Context,
    code_name: str,
    passphrase_file: Path | None,
    host_url: str | None,
    host_email: str | None,
    host_token_file: Path | None,
    *,
    from_host: bool,
) -> None:
    """Check a diary and print only what the check found; exit code 3 if something is wrong."""
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    out = show.console()
    show.verdict(out, len(opened.diary.entries), opened.read.findings, first_reading=opened.before is None)
    wrong = bool(opened.serious) or needs_somebody(opened.served)
    if from_host:
        found = on_ticket(session, opened, url=host_url, email=host_email, token_file=host_token_file)
        wrong |= any(one.serious for one in found)
        say_ticket(out, opened, found)
    if wrong:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def on_ticket(
    session: Session, opened: Opened, *, url: str | None, email: str | None, token_file: Path | None
) -> list[Finding]:
    """What a reading of the ticket itself finds: against what this desk has seen, and against what the service shows."""
    credential = credential_for(
        opened.ticket, session.home.folder, url=url, email=email, token_file=token_file
    )
    texts = ticket_texts(opened.ticket, credential)
    incident = opened.diary.incident
    found = list(
        compare(
            opened.served.comments if opened.served else (),
            texts,
            incident=incident,
            roster=session.roster,
            redacted=opened.diary.redacted,
        )
    )
    trust = reading.trust_of(incident, opened.ticket, session.roster, session.former)
    seen = opened.before.head if opened.before is not None else None
    try:
        found += open_diary(texts, identity=session.identity, trust=trust, head=seen).findings
    except CannotOpen:
        say("No keyring on the ticket opens with your key.")
    said = {(one.code, one.comment) for one in opened.read.findings if not one.serious}
    return [one for one in found if (one.code, one.comment) not in said]


def say_ticket(out: Console, opened: Opened, found: Sequence[Finding]) -> None:
    """What was found on the ticket itself."""
    if found:
        out.print(f"On the ticket itself, {opened.ticket}:", soft_wrap=True)
        show.findings_of(out, found)
    else:
        out.print(f"The same diary stands on the ticket itself, {opened.ticket}.", soft_wrap=True)


@diary.command("head")
@code_name_argument
@passphrase_option
@click.pass_context
def diary_head(ctx: click.Context, code_name: str, passphrase_file: Path | None) -> None:
    """Print the newest comment that this desk has seen, signed, to hand to another member outside the service."""
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    seen = opened.read.seen
    if seen is None:
        raise CannotOpen(f"{code_name} has no diary yet.", next_step="Try again in some minutes.")
    text = head_text(
        seen.head,
        ticket=opened.diary.ticket,
        epoch=opened.diary.epoch,
        identity=session.identity,
        now=session.clock.now(),
    )
    click.echo(text.rstrip("\n"))
    if opened.serious:
        say("Something about this diary is not as it should be:")
        show.findings_of(show.console(stderr=True), opened.serious)
        ctx.exit(SOMETHING_TO_LOOK_AT)


@diary.command("compare")
@code_name_argument
@click.option(
    "--heads",
    "file",
    required=True,
    type=click.File("rb"),
    help="Text with the heads that other members handed you; - is standard input.",
)
@passphrase_option
@click.pass_context
def diary_compare(ctx: click.Context, code_name: str, file: IO[bytes], passphrase_file: Path | None) -> None:
    """Hold other members' signed heads against the diary that the service shows you."""
    text = file.read().decode("utf-8", errors="replace")
    session = at_desk(ctx.obj, passphrase_file)
    opened = session.open(code_name)
    heads = [one for one in read_heads(text) if one.head.incident == opened.diary.incident]
    if not heads:
        raise click.BadParameter(f"there is no whole head of {code_name} in it", param_hint="--heads")
    trust = reading.trust_of(opened.diary.incident, opened.ticket, session.roster, session.former)
    out = show.console()
    wrong = bool(opened.serious)
    for one in heads:
        found = compare_heads([one], opened.diary, trust)
        wrong |= any(finding.serious for finding in found)
        if found:
            show.findings_of(out, found)
        else:
            out.print(f"{one.by} has seen the same diary up to entry {one.head.seq} ({_time(one.time)} UTC).")
    if opened.serious:
        show.findings_of(out, opened.serious)
    if wrong:
        ctx.exit(SOMETHING_TO_LOOK_AT)


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")

"""``coc diary attach``, ``files`` and ``fetch``: files that belong to a diary. Only where the host can hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from desk import attachments, show
from desk.asking import at_desk, code_name_argument, despite_option, say, say_readers, settle
from desk.drafts import write_private
from desk.unlocking import passphrase_option
from desk.waiting import after_write
from integration.diary.attachment import MAX_BYTES
from integration.errors import HomeError

if TYPE_CHECKING:
    from desk.home import Home


@click.command("attach")
@code_name_argument
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@despite_option
@passphrase_option
@click.pass_obj
def attach(
    home: Home, code_name: str, file: Path | None, passphrase_file: Path | None, *, despite_findings: bool
) -> None:
    """Attach a file, encrypted here. Without FILE: hand over again what the service did not get yet."""
    ready = attachments.prepare(file.name, _content(file)) if file is not None else None
    session = at_desk(home, passphrase_file)
    opened = session.open(code_name)
    attachments.must_hold_files(opened)
    if ready is None:
        for name in attachments.hand_over_again(session, opened):
            say(f"{name} was handed over.")
        return
    settle(opened, despite=despite_findings)
    if ready.stripped:
        say("The picture's hidden data (place, camera, owner, thumbnail) were taken out.")
    else:
        say("This is no picture: what the file itself says of its author, dates and history stays in it.")
    name, readers = attachments.attach(session, opened, ready)
    if readers is not None:
        say_readers(opened, readers)
    say(f"Attached as entry {int(name.removesuffix('.age'))}. {after_write(opened.served)}")


@click.command("files")
@code_name_argument
@passphrase_option
@click.pass_obj
def files(home: Home, code_name: str, passphrase_file: Path | None) -> None:
    """List the files of a diary."""
    opened = at_desk(home, passphrase_file).open(code_name)
    out = show.console()
    found = attachments.listed(opened.diary)
    if not found:
        out.print("This diary has no files.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Entry", "Name", "Type", "Bytes", "By", "Attached (UTC)"):
        table.add_column(title, overflow="fold")
    for entry, one in found:
        table.add_row(
            str(entry.seq), show.visible(one.name.reveal()), one.type, f"{one.size:,}",
            show.visible(entry.author.partition(":")[2]), f"{entry.entry_at:%Y-%m-%d %H:%M}",
        )  # fmt: skip
    out.print(table)


@click.command("fetch")
@code_name_argument
@click.argument("entry", metavar="ENTRY", type=click.IntRange(min=1))
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it into this new file.",
)
@passphrase_option
@click.pass_obj
def fetch(home: Home, code_name: str, entry: int, output: Path, passphrase_file: Path | None) -> None:
    """Fetch the file of an entry, check it, and write it, in clear, for you only."""
    if output.exists():
        raise HomeError(f"There is a file {output} already.", next_step="Choose another name.")
    session = at_desk(home, passphrase_file)
    described, content = attachments.fetch(session, session.open(code_name), entry)
    write_private(output, content)
    say(f"Written to {output}: {len(content):,} bytes, {described.type}. It is in clear.")


COMMANDS = (attach, files, fetch)


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)

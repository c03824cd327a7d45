"""``coc log``: the Master Incident Log, made on the member's own machine.

The service tells the public fields of every incident. Each diary the member is cleared for is fetched and
opened here, a few at a time, for its card; nothing of a card is written to disk unless the member
asks for a file. What is wrong with one incident is said in its row and stops no other.
"""

from __future__ import annotations

import os
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from desk import log_table, reading, show
from desk.asking import SOMETHING_TO_LOOK_AT, say
from desk.connecting import connected, service_of
from desk.unlocking import passphrase_option, unlock
from integration.errors import CannotOpen, CoCError, NotCleared
from integration.log import LogRow, not_cleared, not_read, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from desk.home import Connection, Home
    from desk.served import LoggedIncident
    from desk.service import Service
    from integration.diary.keys import Identity

_AT_ONCE: Final = 6
"""Diaries fetched at the same time: enough to hide the network's delay, few enough for a small service."""

_STDOUT = "-"


@click.command("log")
@passphrase_option
@click.option(
    "--csv", "csv_file", metavar="FILE", help="Write the log as CSV into this file; - is standard output."
)
@click.option("--markdown", "markdown_file", metavar="FILE", help="The same as a Markdown table.")
@click.pass_context
def log(
    ctx: click.Context, passphrase_file: Path | None, csv_file: str | None, markdown_file: str | None
) -> None:
    """Show the Master Incident Log: every incident, with the cards of those you are cleared for."""
    if csv_file == markdown_file == _STDOUT:
        raise click.UsageError("Only one of --csv and --markdown can go to standard output.")
    home: Home = ctx.obj
    connection, identity = connected(home), unlock(home, passphrase_file)
    listed = service_of(connection, identity).log()
    opener = _Opener(home, connection, identity)
    rows = show_rows(listed, opener.row, quiet=csv_file is not None or markdown_file is not None)
    for name, text in ((csv_file, log_table.as_csv), (markdown_file, log_table.as_markdown)):
        if name == _STDOUT:
            click.echo(text(rows).encode(), nl=False)
        elif name is not None:
            _write(Path(name), text(rows).encode())
    wrong = _say_how_it_went(listed, rows)
    if _say_what_is_withheld(home.seen_code_names(), listed) or wrong:
        ctx.exit(SOMETHING_TO_LOOK_AT)


class _Opener:
    """Makes rows on several threads. Each thread asks the service through a session of its own."""

    def __init__(self, home: Home, connection: Connection, identity: Identity) -> None:
        self._home = home
        self._connection = connection
        self._identity = identity
        self._code_names = home.code_names()
        self._local = threading.local()

    def row(self, listed: LoggedIncident) -> LogRow:
        """The row of one incident, whatever is wrong with its diary."""
        public = listed.incident
        if not listed.cleared:
            return not_cleared(public)
        try:
            read = self._read(listed)
        except NotCleared:
            return not_read(public, "the service lists it as one you are cleared for, and does not serve it")
        except CoCError as error:
            return not_read(public, error.what)
        except Exception as error:  # noqa: BLE001 - one diary must not stop the others; the text may hold content
            return not_read(public, f"a fault in coc itself: {type(error).__name__}")
        return opened(public, read.diary.card, read.findings)

    def _read(self, listed: LoggedIncident) -> reading.Read:
        incident = listed.incident
        remembered = self._home.remembered(incident.code_name)
        served = self._service().diary(incident.code_name)
        if served.incident.id != incident.id:
            raise CannotOpen("the service lists one incident under this code name and serves another")
        read = reading.read(
            served,
            identity=self._identity,
            roster=self._connection.roster,
            former=self._connection.former,
            remembered=remembered,
            known_as=self._code_names.get(incident.id),
        )
        if read.seen is not None and read.seen != remembered:
            self._home.remember(incident.code_name, read.seen)
        return read

    def _service(self) -> Service:
        known: Service | None = getattr(self._local, "service", None)
        if known is None:
            known = self._local.service = service_of(self._connection, self._identity)
        return known


def show_rows(
    listed: Sequence[LoggedIncident], row: Callable[[LoggedIncident], LogRow], *, quiet: bool
) -> list[LogRow]:
    """All rows in the order of the list. On the screen each appears as soon as it is there, however slow another is."""
    out = show.console()
    bar = out if out.is_terminal and not quiet else show.console(stderr=True)
    rows: dict[int, LogRow] = {}
    if not quiet:
        log_table.heading(out)
    with Progress(
        TextColumn("Opening diaries"),
        BarColumn(),
        MofNCompleteColumn(),
        console=bar,
        transient=True,
        disable=not bar.is_terminal,
    ) as progress:
        task = progress.add_task("", total=len(listed))
        for at, one in _rows(listed, row):
            rows[at] = one
            if not quiet:
                log_table.line(out, one)
            progress.advance(task)
    return [rows[at] for at in range(len(listed))]


def _rows(
    listed: Sequence[LoggedIncident], row: Callable[[LoggedIncident], LogRow]
) -> Iterator[tuple[int, LogRow]]:
    """Each row with its place in the list, in the order in which they are done."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="coc-log") as pool:
        try:
            places = {pool.submit(row, one): at for at, one in enumerate(listed)}
            for done in as_completed(places):
                yield places[done], done.result()
        finally:  # whoever stops it does not wait for what has not begun
            pool.shutdown(wait=False, cancel_futures=True)


def _say_how_it_went(listed: Sequence[LoggedIncident], rows: Sequence[LogRow]) -> int:
    """Print the sums; the number of rows that somebody should look at."""
    cleared = sum(one.cleared for one in listed)
    wrong = sum(bool(row.remark) for row in rows)
    said = f"{len(listed):,} incident{'' if len(listed) == 1 else 's'}, {cleared:,} of them with a diary you may read."
    if wrong:
        said += f" {wrong:,} to look at: the last column says why."
    show.console(stderr=True).print(said, style="yellow" if wrong else "", soft_wrap=True)
    return wrong


def _say_what_is_withheld(seen: Sequence[str], listed: Sequence[LoggedIncident]) -> bool:
    """Say what this desk has read and is not to read now; whether something of it is not even listed.

    A service that hides an incident can say that the member is not cleared. So can an honest one.
    """
    cleared: dict[str, bool] = {one.incident.code_name: one.cleared for one in listed}
    lost = [name for name in seen if not cleared.get(name, True)]
    missing = [name for name in seen if name not in cleared]
    if lost:
        say(
            f"This desk has read what the service now says you are not cleared for: {', '.join(lost)}\n"
            "That is right if you recused yourself, or the team left you out. If you know of nothing like that, the service "
            "may be hiding it: ask a member who is cleared."
        )
    if missing:
        say(
            f"This desk has read what the service does not list any more: {', '.join(missing)}\n"
            "No incident leaves the list by itself. The service was restored from an older backup, is another one than "
            "before, or hides it: ask the other members and whoever runs it, and look at the ticket itself."
        )
    return bool(missing)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole and for its owner only: the log is clear text. What was there before is replaced."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)

"""``coc-server backup``, ``backup-key`` and ``restore``."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pyrage

from integration.errors import CoCError
from webhook_server.backup import Backup, make_backup
from webhook_server.chores import noted
from webhook_server.cli_options import config_option
from webhook_server.config import load_config
from webhook_server.restore import restore_backup
from webhook_server.store.chores import ChoreBook
from webhook_server.store.known_keys import is_there
from webhook_server.store.sql import make_engine
from webhook_server.store.unopened import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_path = click.Path(path_type=Path)
_HALF = re.compile(r"coc-backup-\d{8}T\d{6}Z\.half\Z", re.ASCII)


@click.command()
@config_option
@click.argument("folder", type=_path)
def backup(config_path: Path, folder: Path) -> None:
    """Write a backup into FOLDER, while the server works: encrypted, without the root key and files elsewhere."""
    config = load_config(config_path)
    now = datetime.now(UTC)
    target = folder / f"coc-backup-{now:%Y%m%dT%H%M%SZ}.age"
    half = target.with_suffix(".half")
    try:
        with _noted(config.database_url, now):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _without_old_halves(folder), half.open("xb") as out:
                made = make_backup(config, config_path, out, now=now)
                out.flush()
                os.fsync(out.fileno())
            half.replace(target)
    except OSError as error:
        raise click.ClickException(
            f"The backup could not be written to {folder} ({errno.errorcode.get(error.errno or 0, type(error).__name__)}).\n"
            "None was made; what was written of it is removed, and older ones are as they were.\n"
            "See that the folder is there, that this account may write to it and that its disk has room (ENOSPC: it is full); then run it "
            "again now."
        ) from None
    finally:
        half.unlink(missing_ok=True)
    click.echo(
        f"{target}: {made.rows['incident']} incident(s), {made.rows['comment']} diary comment(s), {target.stat().st_size} bytes.\n"
        "The root key is not in it: keep its copy in another place."
    )
    if made.outside:
        click.echo(
            f"Nor are these, because they lie outside {config_path.parent.resolve()}: keep copies of them too.\n  "
            + "\n  ".join(str(one) for one in made.outside)
        )
    _warn_of_what_does_not_open(made)


def _warn_of_what_does_not_open(made: Backup) -> None:
    """Not by an exit code: what a timer does next with a backup must still be done with this one."""
    if made.lost:
        click.echo(
            f"WARNING: {len(made.lost)} report(s) that wait are in it without the key that opens them, because the folder of "
            "the inbox keys\nlacks it. All else is whole. See what can be done for each: coc-server jobs explain ID\n  "
            + "\n  ".join(made.lost),
            err=True,
        )
    if made.sealed.unopened:
        click.echo(
            f"WARNING: {len(made.sealed.unopened)} sealed value(s) in it do not open with root.key: it lacks their key, or they were "
            "damaged. They\nare in the backup as they are, and a restore brings them back so. All else is whole. If a root key "
            "is lacking, look for a\ncopy of root.key that has it: coc-server keys list names it. Of a report: coc-server jobs explain ID\n  "
            + "\n  ".join(shown(made.sealed.unopened)),
            err=True,
        )
    if made.sealed.given_up:
        click.echo(
            f"{made.sealed.given_up} report(s) that were given up do not open, and are in it as they are."
        )


@contextmanager
def _noted(database_url: str, now: datetime) -> Iterator[None]:
    """Note in the database that a backup was made, or that it failed: a timer that mails nobody is not noticed else."""
    sql = make_engine(database_url)
    book = ChoreBook(sql)
    try:
        if not is_there(sql):  # a note would make it; that it is missing is said by the backup itself
            yield
            return
        with noted(book, "backup", "", now):
            yield
        book.claim("backup", every=timedelta(0), now=now)
    finally:
        sql.dispose()


@contextmanager
def _without_old_halves(folder: Path) -> Iterator[None]:
    """Remove what killed backups left, which would fill the disk night by night; not while another one may be at work here.

    Every backup holds a shared lock on the folder, which the kernel gives away when it is killed.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # another one works here, or the file system locks no folder
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for one in folder.iterdir():
                if _HALF.match(one.name):
                    one.unlink()
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@click.command("backup-key")
@click.argument("file", type=_path)
def backup_key(file: Path) -> None:
    """Make the key that opens backups, into FILE. Keep it offline, not on the server."""
    key = pyrage.x25519.Identity.generate()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file} could not be made ({type(error).__name__}).") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(f"# Opens the backups of coc-server. Public half: {key.to_public()}\n{key}\n")
    click.echo(
        "Put this into the configuration, under [server]:\n\n"
        f'backup_recipient = "{key.to_public()}"\n\n'
        f"Move {file} off this machine, to where the copy of root.key is NOT. age -d -i {file.name} opens a backup too."
    )


@contextmanager
def _what_was_left(folder: Path) -> Iterator[None]:
    try:
        yield
    except CoCError as error:
        raise click.ClickException(
            f"{error}\nThe database was not changed. Files that came out of the backup until then lie in {folder}; when what\n"
            "is said above is put right, the same command goes on from there."
        ) from None


@click.command()
@click.argument("backup_file", metavar="BACKUP", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--identity", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True,
              help="The file that coc-server backup-key made.")  # fmt: skip
@click.option("--into", "folder", type=_path, required=True,
              help="The folder of the configuration. root.key must lie in it; a newer roster with its signatures may.")  # fmt: skip
@click.option("--keep-configuration", is_flag=True,
              help="Use the coc-server.toml that lies in the folder: the way to another database.")  # fmt: skip
@click.option("--new-digests", is_flag=True,
              help="Go on without the line digests:… that root.key lacks and no copy has: a delivery that is sent again opens a second incident.")  # fmt: skip
def restore(
    backup_file: Path, identity: Path, folder: Path, *, keep_configuration: bool, new_digests: bool
) -> None:
    """Bring BACKUP back on a machine where nothing is yet but root.key."""
    secret = next(
        (line for line in identity.read_text(encoding="ascii", errors="replace").splitlines() if not line.startswith("#")),
        "",
    )  # fmt: skip
    with backup_file.open("rb") as source, _what_was_left(folder):
        restored = restore_backup(
            source, secret.strip(), folder, keep_configuration=keep_configuration, new_digests=new_digests
        )
    click.echo(
        f"Restored what was there on {restored.made_at}: {restored.rows.get('incident', 0)} incident(s), "
        f"{restored.rows.get('comment', 0)} diary comment(s), {restored.keys} key(s) of reports that wait.\n"
        f"Files in {folder}: {', '.join(sorted(restored.files))}"
    )
    click.echo(
        f"Roster {restored.roster}, which lay there, follows the one of the backup and stays."
        if restored.newer_roster
        else f"WARNING: the roster is number {restored.roster} now. IF YOUR TEAM HAS A NEWER ONE, put it into the folder BEFORE THE START, "
        "with its\nsignatures and the rosters between: else whoever left the team since is on duty again, and "
        "reads new reports first."
    )
    click.echo(
        "No proof by an admin counts any more. Nothing is written to a ticket space, and reports wait sealed, until you have run, "
        "for each:\n  coc-server doctor SPACE --admin-token-file FILE\n"
        "Start the server ten minutes after the old one last ran: every ticket is then compared, and what it holds beyond\n"
        "this backup is taken over. See docs/server.md, After restoring a backup."
    )
    if count := len(restored.sealed.unopened) + restored.sealed.given_up:
        click.echo(
            f"WARNING: {count} sealed value(s) do not open with this root.key, {restored.sealed.given_up} of them of reports that were "
            "given up. They are there as\nthey were in the backup, and all else is whole. If you have a copy of root.key with the key that "
            'coc-server keys list\ncalls "not in the file", restore again with that one, into an empty database.\n  '
            + "\n  ".join(shown(restored.sealed.unopened))
        )
    if restored.others or restored.kept:
        copies = (
            f" Copies of keys that they may share with this backup are in {restored.kept}."
            if restored.kept
            else ""
        )
        click.echo(
            f"{restored.others} inbox key(s) lie there that no report of this backup needs: reports that came later may wait "
            f"in the\ndatabase that was there before. They stay.{copies}\n"
            "Keep that database, if it is not lost. See docs/server.md, Keys of another database."
        )

"""Whether a report could be put on disk: each folder that the server writes to is tried, and its room is looked at."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from webhook_server.store.room import nearest, try_to_write

if TYPE_CHECKING:
    from webhook_server.config import Addresses
    from webhook_server.status_report import Status

_LEAST_FREE = 200_000_000
_FULL = "Make room: on a full disk no report is taken in."
_REFUSED = (
    "See that it is there, that it and what lies in it belong to the server's own account (mode 0700), that its disk is not full "
    "and not read-only, and that you run this as that account. Form tools send again for some hours only."
)


def look_at_folders(status: Status, addresses: Addresses) -> None:
    """Warn of each folder that takes no file, and of each disk that is nearly full.

    It tries the folders, so it must run as the server's account, or as root.
    """
    url = sa.make_url(addresses.database_url)
    file = Path(url.database or ".") if url.get_backend_name() == "sqlite" else None
    folders = {"the inbox keys": addresses.inbox_keys}
    if file is not None:  # then the server makes the folder of the keys itself
        folders = {"the database": file.parent, "the inbox keys": nearest(addresses.inbox_keys)}
    disks: set[int] = set()
    for of_what, folder in folders.items():
        why = try_to_write(folder) or _no_rights(folder, file)
        if why is not None:
            status.warn(f"The folder of {of_what}, {folder}, takes no file ({why}).", _REFUSED)
        with suppress(OSError):  # such a folder takes no file either, and that was said
            disk, free = folder.stat().st_dev, shutil.disk_usage(folder).free
            if disk not in disks and free < _LEAST_FREE:
                status.warn(f"The disk of {of_what} has {free / 1e6:.0f} MB left.", _FULL)
            disks.add(disk)


def _no_rights(folder: Path, file: Path | None) -> str | None:
    """Root writes everywhere, which proves nothing for the server's account: for root, mode and owner count.

    ``file`` is the database, which may have to be written as well.
    """
    found = folder.stat()
    database = file.stat() if file is not None and file.exists() else None
    if database is not None and not database.st_mode & stat.S_IWUSR:
        return "the database is read-only"
    if os.geteuid() != 0:
        return None
    if not found.st_mode & stat.S_IWUSR or not found.st_mode & stat.S_IXUSR:
        return f"its mode is {stat.S_IMODE(found.st_mode):04o}"
    is_shared = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if database is not None and database.st_uid != found.st_uid and not is_shared:
        return "it belongs to another account than the database"
    return None

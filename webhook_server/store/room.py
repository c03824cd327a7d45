"""Whether a folder takes a file: by a look that writes nothing, and by trying it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_LEAST_FREE = 1_000_000
"""Bytes without which a disk counts as full: a report, its key and the database's log need some thousand."""
_TRIED = bytes(4096)


def seems_to_take_files(folder: Path, *, made_later: bool = False) -> bool:
    """What can be seen without writing, so cheap enough for every question about health.

    Args:
        folder: the folder.
        made_later: it need not be there; then the folder counts in which it would be made.
    """
    folder = nearest(folder) if made_later else folder
    try:
        room = os.statvfs(folder)
    except OSError:
        return False
    has_room = room.f_bavail * room.f_frsize >= _LEAST_FREE and (room.f_favail > 0 or room.f_files == 0)
    return has_room and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def try_to_write(folder: Path) -> str | None:
    """Make a small file and take it away again.

    Returns:
        The kind of the error, or None if all went well.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix=".coc-tried-", dir=folder) as file:
            file.write(_TRIED)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return type(error).__name__
    return None


def nearest(folder: Path) -> Path:
    """The folder itself, or what is there of the way to it."""
    return next((one for one in (folder, *folder.parents) if os.path.lexists(one)), Path("/"))

"""Secret files: written so that they are there whole, and destroyed so that a disk is asked to forget them.

What is being written stands in a half, ``NAME.<8 letters>.half``. A process that is killed there leaves it, with the secret in it;
the next one that writes the same file removes it. Who writes a half holds a lock on it until it has taken the file's place.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HALF = re.compile(r"\.[0-9a-f]{8}\.half", re.ASCII)


def write_durably(file: Path, content: bytes) -> None:
    """Write a secret file so that after a power cut it is there whole, or as it was before.

    Raises:
        OSError: it could not be written; what was there before is untouched.
    """
    half = file.with_name(f"{file.name}.{secrets.token_hex(4)}.half")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            # On a file system that locks nothing nobody else takes it for left, either.
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Root may write it for the server's account, which must still be able to read it.
            if file.exists():
                owner = file.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
            half.replace(file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    remove_halves(file)
    _sync_folder(file.parent)


def halves_of(file: Path) -> list[Path]:
    """What processes that were killed left of a secret file; not what one is just writing, or may not be looked at."""
    left = []
    with suppress(OSError):
        for one in sorted(file.parent.iterdir()):
            is_half = one.name.startswith(file.name) and _HALF.fullmatch(one.name[len(file.name) :])
            if is_half and _nobody_writes(one):
                left.append(one)
    return left


def remove_halves(file: Path) -> None:
    """Remove what killed processes left of a secret file, never the file itself. What may not be removed stays."""
    for half in halves_of(file):
        with suppress(OSError):
            half.unlink()


def _nobody_writes(half: Path) -> bool:
    """Its writer, if it lives, gives the lock up only once the half has become the file, and then there is no half of this name."""
    try:
        with half.open("rb") as one:
            fcntl.flock(one, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def destroy(file: Path) -> None:
    """Overwrite, then remove. A disk that keeps old blocks (SSD, snapshots) may still hold them: see the threat model."""
    with file.open("r+b") as key:
        key.write(bytes(os.fstat(key.fileno()).st_size))
        key.flush()
        os.fsync(key.fileno())
    file.unlink()
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

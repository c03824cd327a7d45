"""Typing an entry: in the member's editor, and kept, encrypted, whatever ends the command before it is written."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import click

from desk import drafts
from desk.asking import say
from desk.connecting import Now
from integration.diary.write import EntryDraft
from integration.errors import CoCError, HomeError
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from types import FrameType, TracebackType

    from desk.home import Home
    from integration.diary.frame import EntryContent

_HANGUPS: Final = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGTERM") if hasattr(signal, name))


class Stopped(BaseException):
    """The terminal was closed, or the command was told to end."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass
class Typed:
    """What was typed for an entry and stands nowhere else. If the block ends with an error, it is kept encrypted.

    ``text`` is set as soon as there is any, ``draft`` when the entry is complete. The key need not be unlocked.
    """

    home: Home
    code_name: str
    content: EntryContent
    happened: datetime | None
    changes: Mapping[str, str]
    text: str = field(default="", repr=False)
    draft: EntryDraft | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or (self.draft is None and not self.text.strip()):
            return
        try:
            path = drafts.keep(self.home.folder, self.home.public(), self._kept())
        except CoCError as trouble:
            said = f"What you wrote could not be kept: {trouble.what} {trouble.next_step}"
        else:
            said = (
                f"What you wrote is kept, encrypted for you alone, in {path}\n"
                f"Hand it over with: coc diary write {self.code_name} --draft {path}\n"
                f"Read it with: coc diary draft {path}"
            )
        with suppress(OSError):  # the terminal may be gone
            say(said)

    def _kept(self) -> drafts.Draft:
        if self.draft is not None:
            return drafts.Draft(self.code_name, self.draft)
        entry = EntryDraft(self.content, Untrusted(self.text), None, self.happened or Now().now())
        return drafts.Draft(self.code_name, entry, self.changes)


@contextmanager
def hangups_stop() -> Iterator[None]:
    """Let a closed terminal end the block like any error, so that nothing is left behind.

    Raises:
        Stopped: it was closed.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in _HANGUPS:  # a second one must not end the cleaning up
            signal.signal(one, signal.SIG_IGN)
        raise Stopped(number)

    before = {one: signal.signal(one, stop) for one in _HANGUPS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def edit(typed: Typed) -> None:
    """Let the member type in their editor; what is saved ends up in ``typed.text``.

    Raises:
        HomeError: the editor did not start, ended with an error, or saved in another encoding than UTF-8.
    """
    with drafts.private_folder(typed.code_name) as folder:
        path = folder / drafts.TEXT
        drafts.write_private(path, b"")
        say(
            f"Your editor works on a file in {folder}, which only you can enter and which is removed afterwards. "
            "Some editors keep undo or backup copies elsewhere: docs/desk.md."
        )
        try:
            click.edit(filename=str(path))
        except click.ClickException:
            raise _not_well() from None
        else:
            if not drafts.saved_in(folder).text.strip():
                _still_open()
        finally:
            typed.text, in_utf8 = drafts.saved_in(folder)
    if not in_utf8:
        raise not_in_utf8()


def _still_open() -> None:
    """Wait until the member has saved, if the editor came back before that; else return."""
    say(
        "Nothing was saved. Some editors come back at once, while their window is open: tell yours to wait, such as "
        "EDITOR='code --wait'.\nIf it is still open, save there now and press Enter. If not, press Ctrl+C or Enter."
    )
    with suppress(click.Abort):
        click.prompt("Enter", default="", show_default=False, err=True)


def not_in_utf8() -> HomeError:
    """The error for text that is kept as a draft, because only its author sees whether it was read rightly."""
    return HomeError(
        "What you wrote is not text in UTF-8, so no entry was written.",
        meaning="It was read as Latin-1. An entry cannot be changed any more, so see first whether the draft is right.",
        next_step="If it is, hand it over. If not, write it into a file (coc diary draft DRAFT --output FILE), put it "
        "right there, and take it from there with --file. Set your editor and terminal to UTF-8.",
    )


def _not_well() -> HomeError:
    name = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "the one of this machine"
    return HomeError(
        f"Your editor ({name}) did not start, or ended with an error, so nothing was written.",
        next_step="Name one that is installed, such as EDITOR=nano, or take the text from a file: --file FILE",
    )

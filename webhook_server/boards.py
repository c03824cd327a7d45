"""The boards of the ticket spaces: what each is to show, and when it is renewed. ``coc-server board`` makes the first one.

A board on GitHub is a text of ours: it is renewed a minute or two after something changed, and looked at once a night.
What it is to show is found out in our own database, so that a board that did not change costs no request to the host.
A dashboard on Jira counts by itself, and is only looked at each night.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from integration.board import MONTHS, Standing, make_board
from integration.errors import BudgetSpent, CoCError
from integration.logs import Log
from integration.mirror import mirror
from webhook_server.chores import note
from webhook_server.store.boards import chore_of
from webhook_server.store.chores import NIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from integration.board import Board, HostBoard
    from integration.incident import IncidentId, SpaceName
    from integration.process import Process, StepKey
    from webhook_server.store.boards import BoardBook
    from webhook_server.store.chores import ChoreBook

_log = Log("coc.boards")

COALESCE: Final = timedelta(minutes=1)
"""Between two writings of a board, so that a busy hour costs sixty writes at most."""
_AFTER_TROUBLE: Final = timedelta(minutes=15)


class Boards:
    """All boards of a server.

    Args:
        boards: one for each ticket space that can have one.
        book: incidents, and where the boards stand.
        process: for the steps.
        steps: which steps of which incident need no more work, for the incidents whose steps were looked at.
        prove: returns if only the team can read this ticket space now, and raises otherwise; nothing is written before.
    """

    def __init__(
        self,
        boards: Mapping[SpaceName, HostBoard],
        *,
        book: BoardBook,
        process: Process,
        steps: Callable[[SpaceName], Mapping[IncidentId, Mapping[StepKey, bool]]],
        prove: Callable[[SpaceName], object],
    ) -> None:
        self._boards = boards
        self._book = book
        self._process = process
        self._steps = steps
        self._prove = prove
        self._trouble: dict[SpaceName, datetime] = {}

    @property
    def spaces(self) -> Sequence[SpaceName]:
        """The ticket spaces that can have a board."""
        return list(self._boards)

    def board(self, space: SpaceName, now: datetime) -> Board:
        """What the board of a ticket space is to show."""
        done = self._steps(space)
        # A month more than is shown: what is too old is left out where it is counted.
        since = now - timedelta(days=31 * (MONTHS + 1))
        return make_board(
            (
                Standing(mirror(incident, self._process), done.get(incident.id), ref)
                for incident, ref in self._book.incidents(space, since)
            ),
            now,
        )

    def renew(self, space: SpaceName, now: datetime) -> Sequence[str]:
        """Look at a board on its host, and make or mend it; what was done, in sentences.

        Raises:
            HostError: as its subclasses say.
        """
        return self._show(space, self.board(space, now), now)

    def forget(self, space: SpaceName) -> bool:
        """Renew a board no more; whether there was one. What stands on the host stays there."""
        return self._book.forget(space)

    def chore(self, chores: ChoreBook) -> Callable[[datetime], None]:
        """What is done each minute: renew what changed, and once a night look at each. One worker of several does it."""

        def run(now: datetime) -> None:
            for space in self._boards:
                since = self._trouble.get(space)
                if since is not None and abs(now - since) < _AFTER_TROUBLE:
                    continue
                try:
                    self._look_after(space, chores, now)
                except BudgetSpent:  # reports go first
                    continue
                except CoCError as error:
                    self._trouble[space] = now
                    note(chores, "boards", space, error, now)
                    _log.error("board-not-renewed", space=space, code=error.code)
                except Exception as error:
                    self._trouble[space] = now
                    note(chores, "boards", space, error, now)
                    raise

        return run

    def _look_after(self, space: SpaceName, chores: ChoreBook, now: datetime) -> None:
        known = self._book.known(space)
        if known is None:  # nobody asked for one
            return
        board = self.board(space, now)
        changed = known.digest != self._boards[space].digest(board)
        soon = changed or space in self._trouble  # the look of a night that failed is not put off by a night
        if not chores.claim(chore_of(space), every=COALESCE if soon else NIGHT, now=now):
            return
        deeds = self._show(space, board, now)
        self._trouble.pop(space, None)
        if deeds:
            _log.info("board-renewed", space=space, count=len(deeds))

    def _show(self, space: SpaceName, board: Board, now: datetime) -> Sequence[str]:
        self._prove(space)
        shown = self._boards[space].show(board, self._book.known(space))
        self._book.keep(space, shown.record, now)
        return shown.deeds

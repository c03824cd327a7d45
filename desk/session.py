"""One member at one desk: opens diaries, and writes into them.

Everything that is written goes through :meth:`Session.send`: the comments are made for the head that was just
checked, and made again if somebody else was faster. Readers of a next epoch come from the pinned roster and from
nowhere else. Nothing here prints or asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from desk import reading
from desk.connecting import Now, connected
from desk.home import Remembered
from desk.service import Service
from integration.diary.chain import Head
from integration.diary.comment import find_blocks
from integration.diary.keys import Reader
from integration.diary.write import open_next_epoch, write_entry
from integration.errors import HeadConflict, ServiceUnreachable, WriteRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from desk.home import Connection, Home
    from desk.reading import Read
    from desk.served import ServedDiary
    from integration.diary.contents import Diary
    from integration.diary.findings import Finding
    from integration.diary.keyring import Keyring
    from integration.diary.keys import Identity
    from integration.diary.write import EntryDraft, UnsealedComment
    from integration.mirror import TicketName
    from integration.ports import Clock
    from integration.roster import Roster

_TRIES: Final = 5

_PART_BYTES: Final = {"jira": 20_480, "github": 44_000}
"""Section 8 of docs/diary-format.md; used where the service does not say."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A diary that was read and checked.

    ``before`` is what this desk had seen of it until then. ``served`` is None if its comments did not come from the service.
    """

    code_name: str
    ticket: TicketName
    part_bytes: int
    read: Read
    before: Remembered | None
    served: ServedDiary | None = None

    @property
    def diary(self) -> Diary:
        """What was opened."""
        return self.read.diary

    @property
    def serious(self) -> tuple[Finding, ...]:
        """What is not as it should be."""
        return tuple(one for one in self.read.findings if one.serious)

    @property
    def other_history(self) -> bool:
        """Whether this is not the diary that this desk has seen before."""
        return any(one.code in reading.NOT_THE_DIARY_WE_KNOW for one in self.serious)

    @property
    def keyring(self) -> Keyring:
        """What is needed to write.

        Raises:
            WriteRefused: no keyring opens for this member, or a later one does not.
        """
        if self.diary.keyring is None or not self.diary.cleared:
            raise WriteRefused(
                f"You are not cleared for what is written into {self.code_name} now.",
                meaning="Your key opens what was written before. Nothing was written.",
                next_step="If you should be cleared, ask a member who is.",
            )
        return self.diary.keyring


@dataclass(frozen=True, slots=True)
class Readers:
    """Who is to read from the next epoch on, all from the pinned roster.

    ``gone`` are aliases that could read so far and are not on the roster any more: they are left out.
    """

    members: tuple[Reader, ...]
    recovery: tuple[Reader, ...]
    gone: tuple[str, ...] = ()

    @property
    def aliases(self) -> tuple[str, ...]:
        """The members' aliases."""
        return tuple(one.alias for one in self.members)


@dataclass(frozen=True, slots=True)
class Made:
    """Finished comments for one head, and with a keyring who its readers are."""

    comments: tuple[UnsealedComment, ...] = field(repr=False)
    readers: Readers | None = None


def cleared_now(keyring: Keyring) -> tuple[str, ...]:
    """The aliases of the members who can read and write in the newest epoch."""
    return tuple(one.alias for one in keyring.newest.readers if one.signing_key is not None)


def readers_from(keyring: Keyring, roster: Roster, aliases: Iterable[str]) -> Readers:
    """These members, with the keys of the pinned roster, and its recovery keys.

    Raises:
        WriteRefused: the roster is older than the keyring's, or nobody is left.
    """
    newest = keyring.newest
    if newest.roster_serial > roster.serial:
        raise WriteRefused(
            f"The diary's readers were taken from roster {newest.roster_serial}; this desk trusts roster {roster.serial}.",
            meaning="With the older one, somebody who was removed could be let in again. Nothing was written.",
            next_step="Get the newest roster from your team, accept it here, and say the same again.",
        )
    if newest.roster_serial == roster.serial and newest.roster_hash != roster.hash:
        raise WriteRefused(
            f"The diary's readers were taken from another roster {roster.serial} than the one this desk trusts.",
            meaning="Two rosters of one number: one of them is not your team's. Nothing was written.",
            next_step="Compare the roster's SHA-256 with the other members in person, and with whoever runs the service.",
        )
    wanted = list(dict.fromkeys(aliases))
    members = [member for alias in wanted if (member := roster.member(alias)) is not None]
    if not members:
        raise WriteRefused(
            "Nobody would be left who can read this diary.",
            meaning="Only the recovery keys could open what comes next. Nothing was written.",
            next_step="Clear another member first: coc clear CODE-NAME ALIAS. If the report could mean everybody else, tell a "
            "keeper of a recovery key, outside the team if need be: docs/desk.md, Opening with a recovery key.",
        )
    on_roster = {member.alias for member in members}
    return Readers(
        tuple(Reader(one.alias, one.recipient, one.signing_key) for one in members),
        tuple(Reader(key.name, key.recipient, None) for key in roster.recovery),
        tuple(alias for alias in wanted if alias not in on_roster),
    )


class Session:
    """A member with an unlocked key, a pinned roster and a service."""

    def __init__(self, *, home: Home, connection: Connection, identity: Identity, clock: Clock) -> None:
        self.home = home
        self.roster = connection.roster
        self.former = connection.former
        self.identity = identity
        self.clock = clock
        self.service = Service(origin=connection.origin, alias=identity.alias, signer=identity, clock=clock)

    def open(self, code_name: str) -> Opened:
        """Fetch a diary, open and check it, and remember its head.

        Raises:
            DeskError: there is no answer, or it is not for this member.
            CannotOpen: this key opens nothing of it.
        """
        remembered = self.home.remembered(code_name)
        served = self.service.diary(code_name)
        read = reading.read(
            served,
            identity=self.identity,
            roster=self.roster,
            former=self.former,
            remembered=remembered,
            known_as=self.home.code_name_of(served.incident.id),
        )
        if read.seen is not None:
            self.home.remember(code_name, read.seen)
        ticket = served.incident.ticket or (remembered.ticket if remembered is not None else None)
        if ticket is None:  # reading.read refuses this
            raise AssertionError
        return Opened(code_name, ticket, served.part_bytes or part_bytes_of(ticket), read, remembered, served)

    def write(self, opened: Opened, draft: EntryDraft) -> tuple[Opened, Readers | None]:
        """Write an entry; in an epoch that its maker is not to read, open the next one first.

        Returns:
            The diary for whose head it was written, and the readers if an epoch was opened.
        """

        def make(now: Opened) -> Made:
            keyring = now.keyring
            self._must_write(now)
            if now.diary.rekey_due:
                readers = readers_from(keyring, self.roster, cleared_now(keyring))
                return self._epoch(now, readers, then=draft)
            comments = write_entry(
                now.diary,
                identity=self.identity,
                draft=draft,
                part_bytes=now.part_bytes,
                now=self.clock.now(),
            )
            return Made(comments)

        return self.send(opened, make)

    def open_epoch(
        self,
        opened: Opened,
        choose: Callable[[tuple[str, ...]], Sequence[str]],
        *,
        then: EntryDraft | None = None,
    ) -> tuple[Opened, Readers]:
        """Open the next epoch.

        Args:
            opened: the diary.
            choose: from the aliases who are cleared, who shall be; asked again if somebody else was faster.
            then: an entry that is written into the new epoch at once.

        Returns:
            The diary for whose head it was opened, and who reads now.
        """

        def make(now: Opened) -> Made:
            keyring = now.keyring
            self._must_write(now)
            readers = readers_from(keyring, self.roster, choose(cleared_now(keyring)))
            return self._epoch(now, readers, then=then)

        now, readers = self.send(opened, make)
        if readers is None:
            raise AssertionError
        return now, readers

    def recover(self, opened: Opened, aliases: Sequence[str], *, name: str) -> tuple[Opened, Readers]:
        """Open the next epoch of a diary that was read with a recovery key, in this member's own name."""
        readers = readers_from(opened.keyring, self.roster, aliases)
        made = self._epoch(opened, readers, recovery_name=name)
        self._hand_over(opened, made)
        return opened, readers

    def send(self, opened: Opened, make: Callable[[Opened], Made]) -> tuple[Opened, Readers | None]:
        """Make comments and hand them over; if somebody else was faster, read again and make them again.

        Raises:
            HeadConflict: others were faster several times.
            WriteRefused: the diary, read again, is not as it was; or the service does not take it.
            ServiceUnreachable: no usable answer; the message says whether it was taken.
        """
        known = {(one.code, one.comment) for one in opened.serious}
        for left in range(_TRIES - 1, -1, -1):
            made = make(opened)
            try:
                self._hand_over(opened, made)
            except HeadConflict:
                if not left:
                    raise
                opened = self.open(opened.code_name)
                if any((one.code, one.comment) not in known for one in opened.serious):
                    raise WriteRefused(
                        f"While you wrote, something happened to {opened.code_name} that is not as it should be.",
                        meaning="Nothing was written.",
                        next_step=f"See it with: coc diary read {opened.code_name}",
                    ) from None
            else:
                return opened, made.readers
        raise AssertionError

    def _epoch(
        self,
        opened: Opened,
        readers: Readers,
        *,
        then: EntryDraft | None = None,
        recovery_name: str | None = None,
    ) -> Made:
        comments = open_next_epoch(
            opened.diary,
            identity=self.identity,
            readers=readers.members,
            recovery=readers.recovery,
            roster_serial=self.roster.serial,
            roster_hash=self.roster.hash,
            part_bytes=opened.part_bytes,
            now=self.clock.now(),
            recovery_name=recovery_name,
            then=then,
        )
        return Made(comments, readers)

    def _must_write(self, opened: Opened) -> None:
        if self.identity.alias not in cleared_now(opened.keyring):
            raise WriteRefused(
                f"You can read {opened.code_name}, and are not among those who write there.",
                meaning="Nothing was written.",
                next_step="Ask a member who is cleared to clear you: coc clear CODE-NAME ALIAS.",
            )

    def _hand_over(self, opened: Opened, made: Made) -> None:
        last = made.comments[-1]
        head = Head(opened.diary.incident, last.id.seq, last.id.part, last.link)
        try:
            told = self.service.write(
                opened.code_name,
                head=opened.diary.head,
                comments=[one.text for one in made.comments],
                readers=made.readers.aliases if made.readers is not None else None,
            )
        except ServiceUnreachable as trouble:
            if not self._was_taken(opened, head, trouble):
                raise ServiceUnreachable(
                    trouble.what, meaning="Nothing was written.", next_step=trouble.next_step
                ) from None
            told = head
        seen = opened.read.seen
        if seen is None or seen.head == opened.diary.head:
            self.home.remember(opened.code_name, Remembered(head.incident, opened.ticket, head))
        if told != head:
            raise ServiceUnreachable(
                "The service says that another comment is the newest than the one it was just given.",
                meaning="It may have stored yours or not.",
                next_step=f"Read the diary again: coc diary read {opened.code_name}. Then ask whoever runs the service.",
            )

    def _was_taken(self, opened: Opened, head: Head, trouble: ServiceUnreachable) -> bool:
        """After a write without a usable answer: look before writing again."""
        try:
            served = self.service.diary(opened.code_name)
        except ServiceUnreachable:
            raise ServiceUnreachable(
                trouble.what,
                meaning="Whether what you wrote was taken is not known.",
                next_step=f"When the service answers again, look first whether it is there: coc diary read {opened.code_name}",
            ) from None
        blocks = (block for text in served.comments for block in find_blocks(text))
        return any(getattr(block, "link", None) == head.link for block in blocks)


def session_of(home: Home, identity: Identity) -> Session:
    """The session of a desk.

    Raises:
        HomeError: it is not connected.
    """
    return Session(home=home, connection=connected(home), identity=identity, clock=Now())


def part_bytes_of(ticket: str) -> int:
    """How many bytes of a body fit into one comment of a ticket's host."""
    return _PART_BYTES.get(ticket.partition(":")[0], min(_PART_BYTES.values()))

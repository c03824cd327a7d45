"""Whether a roster may take the place of the one before it: section 11 of docs/diary-format.md, and nothing else.

Pure: bytes and signatures in, a roster or a refusal out. Service and desks ask the same question here;
:mod:`integration.roster_files` finds the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from integration.diary.keys import Reader, verify_sshsig
from integration.errors import RosterRefused
from integration.roster import Roster, parse_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAMESPACE: Final = "coc-roster@v1"
_FEW: Final = 2
"""A roster of at most this many members is changed by one of them, a larger one by two."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signatures beside a roster are worth, judged by the members of ``judges``.

    ``good`` are aliases whose signature counts, ``missing`` those who could still sign; ``void`` says of each
    other signature why it does not count.
    """

    needed: int
    good: tuple[str, ...]
    missing: tuple[str, ...]
    void: tuple[str, ...]

    @property
    def enough(self) -> bool:
        """Whether the roster is signed as it must be."""
        return len(self.good) >= self.needed


def signatures_needed(judges: Roster) -> int:
    """How many members of this roster must sign the next one."""
    return 1 if len(judges.members) <= _FEW else 2


def judge_signatures(raw: bytes, signatures: Mapping[str, str], judges: Roster) -> Signed:
    """Which of the signatures count: by a member of ``judges``, with the key that ``judges`` has for them.

    Args:
        raw: the signed roster's bytes.
        signatures: armoured SSHSIGs by alias, as they lie beside the file; any of them may be garbage.
        judges: the roster whose members may sign: the one before, or for a first roster itself.
    """
    good: list[str] = []
    void: list[str] = []
    for alias, armoured in sorted(signatures.items()):
        member = judges.member(alias)
        if member is None:
            void.append(f"{alias} is not on roster {judges.serial}")
        elif verify_sshsig(member.signing_key, NAMESPACE, raw, armoured):
            good.append(alias)
        else:
            void.append(f"what is named {alias}'s is not a signature of these bytes by {alias}'s key")
    missing = tuple(str(member.alias) for member in judges.members if member.alias not in good)
    return Signed(signatures_needed(judges), tuple(good), missing, tuple(void))


def check_succession(raw: bytes, signatures: Mapping[str, str], *, previous: Roster | None) -> Roster:
    """The roster in these bytes, if it may take the place of ``previous``.

    Args:
        raw: the bytes of the roster's file.
        signatures: armoured SSHSIGs over these bytes, by alias.
        previous: the accepted roster; None if there is none yet, then only number 1 is good.

    Returns:
        The roster; ``previous`` again if it is the very same.

    Raises:
        ConfigError: the bytes are not a roster; every mistake is listed.
        RosterRefused: it does not follow ``previous``, or is not signed as it must be.
    """
    roster = parse_roster(raw, where="The roster")
    if previous is None:
        if roster.serial != 1:
            raise RosterRefused(
                f"This is roster {roster.serial}, and there is no accepted roster {roster.serial - 1} to judge it by.",
                meaning="Only number 1 can be judged by itself.",
                next_step="Begin with number 1, or have a member tell you this roster's SHA-256 in person.",
            )
        return _signed(raw, signatures, roster, judges=roster)
    if roster.hash == previous.hash:
        return previous
    check_follows(roster, previous)
    return _signed(raw, signatures, roster, judges=previous)


def check_follows(roster: Roster, previous: Roster) -> None:
    """A roster's place in the chain, without its signatures: one after ``previous``, and naming it.

    Raises:
        RosterRefused: it is older, another one with the same number, further ahead, or made from another file.
    """
    if roster.serial < previous.serial:
        what = f"This is roster {roster.serial}, and {previous.serial} was accepted already."
        meaning = "An older roster never comes back: it may list somebody who had to leave."
    elif roster.serial == previous.serial:
        what = f"This is another roster {roster.serial} than the one that was accepted."
        meaning = "Somebody changed the file, or the team made two different ones with the same number."
    elif roster.serial > previous.serial + 1:
        what = f"This is roster {roster.serial}, and the accepted one is {previous.serial}."
        meaning = "What is between them has to be accepted first, one after the other."
    elif roster.previous != previous.hash:
        what = f"This roster {roster.serial} does not follow the roster {previous.serial} that was accepted."
        meaning = f"Its previous is not {previous.hash}: it was made from another file."
    else:
        return
    raise RosterRefused(
        what,
        meaning=f"{meaning} The accepted one stays.",
        next_step="Get the right file from your team, and compare its SHA-256 with them in person.",
    )


def check_entrance(raw: bytes, signatures: Mapping[str, str]) -> Roster:
    """The roster in these bytes, for one who comes to a team that has changed its roster before.

    There is nothing older to judge it by, so it must be signed by its *own* members in the same number. That
    proves that they agree, not that they are the team: who takes it must know where the file comes from.

    Raises:
        ConfigError: the bytes are not a roster; every mistake is listed.
        RosterRefused: too few of its own members signed it.
    """
    roster = parse_roster(raw, where="The roster")
    return _signed(raw, signatures, roster, judges=roster)


def former_keys(older: Iterable[Roster], current: Roster) -> dict[str, list[str]]:
    """Signing keys that older accepted rosters had and the current one has not, by alias."""
    found: dict[str, list[str]] = {}
    for roster in older:
        for member in roster.members:
            now = current.member(member.alias)
            keys = found.setdefault(member.alias, [])
            if member.signing_key not in keys and (now is None or now.signing_key != member.signing_key):
                keys.append(member.signing_key)
    return {alias: keys for alias, keys in found.items() if keys}


def readers_of(roster: Roster) -> frozenset[Reader]:
    """Everybody to whom a keyring may be wrapped on this roster's word: members, and recovery keys."""
    members = (Reader(member.alias, member.recipient, member.signing_key) for member in roster.members)
    recovery = (Reader(key.name, key.recipient, None) for key in roster.recovery)
    return frozenset((*members, *recovery))


def allowed_signers(roster: Roster) -> str:
    """The roster's keys as ``ssh-keygen -Y verify -f`` takes them: ``member:<alias>`` and ``service:<id>``.

    https://man.openbsd.org/ssh-keygen.1#ALLOWED_SIGNERS
    """
    lines = [f"member:{member.alias} {member.signing_key}" for member in roster.members]
    lines += [f"service:{key.id} {key.public}" for key in roster.service_keys]
    return "".join(f"{line}\n" for line in lines)


def _signed(raw: bytes, signatures: Mapping[str, str], roster: Roster, *, judges: Roster) -> Roster:
    found = judge_signatures(raw, signatures, judges)
    if found.enough:
        return roster
    have = f"signed by {', '.join(found.good)}" if found.good else "not signed by anybody who may"
    lacking = found.needed - len(found.good)
    void = f" What does not count: {'; '.join(found.void)}." if found.void else ""
    raise RosterRefused(
        f"Roster {roster.serial} is {have}, and needs {found.needed} of the members of roster {judges.serial}.",
        meaning=f"It is not used.{void}",
        next_step=f"{lacking} more must sign it (coc roster sign), of: {', '.join(found.missing)}.",
    )

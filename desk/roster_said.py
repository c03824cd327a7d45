"""What a member is told of a roster before they sign or accept it: what changes, its hash, and who signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desk import show
from desk.roster_changes import changes
from integration.first_readers import nobody_reads_first
from integration.roster_chain import allowed_signers, judge_signatures

if TYPE_CHECKING:
    from integration.roster import Roster
    from integration.roster_files import SignedRoster


def say_changes(before: Roster | None, after: Roster) -> None:
    """Every change, as a sentence; without a roster before, everything."""
    out = show.console()
    if before is None:
        out.print(f"Roster {after.serial}:")
    else:
        out.print(f"Roster {after.serial}, compared with the accepted {before.serial}:")
    said = changes(before, after) or ["Nothing in it changes."]
    for sentence in said:
        out.print(show.visible(f"  - {sentence}"), soft_wrap=True)
    if duty := nobody_reads_first(after):
        out.print(show.visible(f"  ! {' '.join(duty)}"), soft_wrap=True)


def say_hash(found: Roster) -> None:
    """The roster's number and the hash by which members compare it."""
    show.console().print(f"\nRoster {found.serial}, SHA-256 {found.hash}\n", soft_wrap=True)


def say_signed(signed: SignedRoster, found: Roster, judges: Roster) -> None:
    """Whose signatures count, how many are needed and whose are missing. ``judges`` says who may sign."""
    judged = judge_signatures(signed.raw, signed.signatures, judges)
    by = ", ".join(judged.good) or "nobody"
    whose = "its own members" if judges is found else f"members of roster {judges.serial}"
    lines = [f"Signed by {by}; needed: {judged.needed} of {whose}."]
    if not judged.enough:
        lines.append(
            f"{judged.needed - len(judged.good)} more must sign it, of: {', '.join(judged.missing)}."
        )
    lines += [f"Does not count: {one}." for one in judged.void]
    for line in lines:
        show.console().print(show.visible(line), soft_wrap=True)


def signers(former: tuple[Roster, ...], shown: Roster) -> list[str]:
    """The keys of these rosters as lines of an allowed-signers file, each once."""
    lines: dict[str, None] = {}
    for one in (*former, shown):
        lines.update(dict.fromkeys(allowed_signers(one).splitlines(keepends=True)))
    return list(lines)

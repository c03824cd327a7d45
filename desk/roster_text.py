"""Changing a roster's text: one member in or out, number and previous hash set, everything else left as the team wrote it.

The roster is a file for people, with their comments in it. So it is edited as text, and then read again: if
the outcome is not exactly what was asked for, nothing is written.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING

from integration.errors import ConfigError
from integration.roster import parse_roster

if TYPE_CHECKING:
    from desk.home import PublicKeys
    from integration.roster import Roster

_HEADER = re.compile(r"[ \t]*\[")
_MEMBER = re.compile(r"[ \t]*\[\[[ \t]*members[ \t]*\]\]")
_PART_OF_MEMBER = re.compile(r"[ \t]*\[[ \t]*members[ \t]*\.")
_ENTRY = re.compile(r"[ \t]*[a-z_]+[ \t]*=")

_FIRST = """\
# The team's roster: who is on the team, and with which keys. Written and signed by the team.
# docs/desk.md says how it is changed; docs/diary-format.md, section 11, describes every entry.
version = 1
serial = 1
previous = ""

# names and handles: how a report might mean this member, who then does not get it.
# accounts: the member's account on the host, such as {{ github = "login" }} or {{ jira = "account id" }}.

{member}
# A key for the day on which nobody else can read; age-keygen makes it. Have at least one.
# [[recovery]]
# name = "safe-one"
# recipient = "age1..."
# email = "keeper@example.org"

# What coc-server init printed. Without it no desk believes what the service seals.
# [[service_keys]]
# id = "svc-..."
# public = "ssh-ed25519 ..."
"""

_TO_BE_FILLED_IN = {"on_duty": "false", "names": "[]"}
"""They may be left out, but nobody reads a report first without both: so they stand there to be seen."""


def first_roster(public: PublicKeys, email: str) -> str:
    """The text of a team's first roster, with one member in it."""
    return _FIRST.format(member=_member(public, email))


def member_lines(text: str, email: str | None) -> str:
    """A member's table, from the lines that ``coc key show`` prints and whatever that member added to them.

    Raises:
        ConfigError: the lines that belong there are not there.
    """
    lines = [line for line in text.splitlines() if _ENTRY.match(line)]
    try:
        table = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("The new member's lines", [f"they are not valid TOML ({error})"]) from None
    lacking = [key for key in ("alias", "recipient", "signing_key") if key not in table]
    if lacking:
        raise ConfigError(
            "The new member's lines", [f"{key} is missing; coc key show prints it" for key in lacking]
        )
    if email is None and "email" not in table:
        raise ConfigError("The new member's lines", ["email is missing; add it to the lines, or say --email"])
    if email is not None:
        lines = [*(line for line in lines if not line.lstrip().startswith("email")), f'email = "{email}"']
    lines += [f"{key} = {empty}" for key, empty in _TO_BE_FILLED_IN.items() if key not in table]
    return "\n".join(["[[members]]", *lines, ""])


def with_member(text: str, member: str, *, serial: int, previous: str) -> str:
    """The roster's text with this member's table at its end, and number and previous hash set.

    Raises:
        ConfigError: the outcome is not a roster, or the text is laid out in a way that cannot be edited here.
    """
    before = _read(text)
    edited = f"{_numbered(text, serial, previous).rstrip()}\n\n{member}"
    after = _read(edited)
    _same_but(replace(before, members=(*before.members, after.members[-1])), after, serial, previous)
    return edited


def without_member(text: str, alias: str, *, serial: int, previous: str) -> str:
    """The roster's text without this member's table, and number and previous hash set.

    Raises:
        ConfigError: nobody has this alias, nobody would be left, or the text cannot be edited here.
    """
    before = _read(text)
    if before.member(alias) is None:
        raise ConfigError("The roster", [f"nobody on it has the alias {alias}"])
    lines = _numbered(text, serial, previous).splitlines(keepends=True)
    place = [str(one.alias) for one in before.members].index(alias)
    starts = [at for at, line in enumerate(lines) if _MEMBER.match(line)]
    if len(starts) != len(before.members):
        raise _by_hand()
    start = starts[place]
    end = next(
        (at for at in range(start + 1, len(lines)) if _HEADER.match(lines[at]) and not _PART_OF_MEMBER.match(lines[at])),
        len(lines),
    )  # fmt: skip
    while end < len(lines) and lines[end - 1].lstrip().startswith("#"):
        end -= 1  # a comment right above the next table is about that one
    edited = "".join(lines[:start] + lines[end:])
    left = tuple(one for one in before.members if one.alias != alias)
    if not left:
        raise ConfigError("The roster", [f"nobody would be left on it without {alias}"])
    _same_but(replace(before, members=left), _read(edited), serial, previous)
    return edited


def _member(public: PublicKeys, email: str) -> str:
    return (
        f'[[members]]\n{public.roster_lines()}email = "{email}"\n'
        "on_duty = true\nnames = []\nhandles = []\naccounts = {}\n"
    )


def _numbered(text: str, serial: int, previous: str) -> str:
    lines = text.split("\n")
    head = next((at for at, line in enumerate(lines) if _HEADER.match(line)), len(lines))
    numbers = [at for at in range(head) if re.match(r"[ \t]*serial[ \t]*=", lines[at])]
    hashes = [at for at in range(head) if re.match(r"[ \t]*previous[ \t]*=", lines[at])]
    if len(numbers) != 1:
        raise _by_hand()
    lines[numbers[0]] = f"serial = {serial}"
    for at in reversed(hashes):
        del lines[at]
    at = next(at for at, line in enumerate(lines) if line == f"serial = {serial}")
    lines.insert(at + 1, f'previous = "{previous}"')
    return "\n".join(lines)


def _read(text: str) -> Roster:
    return parse_roster(text.encode("utf-8"), where="The roster")


def _same_but(expected: Roster, after: Roster, serial: int, previous: str) -> None:
    if replace(expected, serial=serial, previous=previous, hash=after.hash) != after:
        raise _by_hand()


def _by_hand() -> ConfigError:
    return ConfigError(
        "The roster",
        ["it is laid out in a way that this command cannot edit; change it by hand, then: coc roster sign"],
    )

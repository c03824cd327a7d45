"""What differs between two rosters, in plain words: what a member reads before they sign or accept one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desk.home import PublicKeys, fingerprint

if TYPE_CHECKING:
    from integration.roster import Member, RecoveryKey, Roster, ServiceKeyEntry

_IN_PERSON = "compare it with them in person or on a call"


def changes(before: Roster | None, after: Roster) -> list[str]:
    """One sentence for each difference; for a first roster, everything in it."""
    said: list[str] = []
    old = {str(one.alias): one for one in before.members} if before else {}
    new = {str(one.alias): one for one in after.members}
    for alias in [*old, *(alias for alias in new if alias not in old)]:
        said += _member(alias, old.get(alias), new.get(alias))
    said += _recovery(before.recovery if before else (), after.recovery)
    said += _service_keys(before.service_keys if before else (), after.service_keys)
    return said


def _member(alias: str, old: Member | None, new: Member | None) -> list[str]:
    said: list[str]
    if new is None:
        return [
            f"{alias} leaves the team. What they could read stays readable to them until those incidents are rekeyed."
        ]
    keys = PublicKeys(alias, new.recipient, new.signing_key).fingerprint
    duty = "on duty" if new.on_duty else "off duty"
    if old is None:
        said = [f"{alias} joins, {duty}, mail to {new.email}. New key {keys}: {_IN_PERSON}."]
        told = (
            ("names", ", ".join(new.names)),
            ("handles", ", ".join(new.handles)),
            ("accounts", _accounts(new)),
        )
        return said + [f"{alias}'s {what}: {text}." for what, text in told if text]
    said = []
    if (old.recipient, old.signing_key) != (new.recipient, new.signing_key):
        was = PublicKeys(alias, old.recipient, old.signing_key).fingerprint
        said.append(f"{alias} has another key: {keys} in place of {was}: {_IN_PERSON}.")
    if old.on_duty != new.on_duty:
        said.append(f"{alias} is {duty} now.")
    if old.email != new.email:
        said.append(f"{alias}'s notices go to {new.email} in place of {old.email}.")
    for what, was_text, text in (
        ("names", ", ".join(old.names), ", ".join(new.names)),
        ("handles", ", ".join(old.handles), ", ".join(new.handles)),
        ("accounts", _accounts(old), _accounts(new)),
    ):
        if was_text != text:
            said.append(f"{alias}'s {what}: {text or 'none'}, in place of {was_text or 'none'}.")
    return said


def _accounts(member: Member) -> str:
    return ", ".join(f"{account} on {host}" for host, account in sorted(member.accounts.items()))


def _recovery(old: tuple[RecoveryKey, ...], new: tuple[RecoveryKey, ...]) -> list[str]:
    before = {one.name: one for one in old}
    said = [
        f"The recovery key {name} is gone: new epochs are not readable with it."
        for name in before
        if name not in {one.name for one in new}
    ]
    for one in new:
        was = before.get(one.name)
        if was is None or was.recipient != one.recipient:
            what = "is new" if was is None else "is another one"
            said.append(
                f"The recovery key {one.name} {what}: {fingerprint(one.recipient)}, mail to {one.email}: "
                "compare it with whoever holds it."
            )
        elif was.email != one.email:
            said.append(
                f"Notices about the recovery key {one.name} go to {one.email} in place of {was.email}."
            )
    return said


def _service_keys(old: tuple[ServiceKeyEntry, ...], new: tuple[ServiceKeyEntry, ...]) -> list[str]:
    before = {one.id: one.public for one in old}
    said = [
        f"The service key {key_id} is gone: what it sealed counts as unsealed from now on."
        for key_id in before
        if key_id not in {one.id for one in new}
    ]
    said += [
        f"The service key {one.id} is {'new' if one.id not in before else 'another one'}: {fingerprint(one.public)}: "
        "compare it with whoever runs the service."
        for one in new
        if before.get(one.id) != one.public
    ]
    return said

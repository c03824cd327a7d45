"""What people change on a ticket in the host is taken over: kept, with an entry in the diary that says so.

The entry is committed as ciphertext together with what it speaks of, before anything is written to the host.
:mod:`integration.observing` says when, and answers what must be answered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from integration.diary.chain import Head
from integration.diary.seal import EntryContent, EntryDraft, seal_entry
from integration.host_events import Touched
from integration.incident import Stage
from integration.mirror import mirror, wrong_values
from integration.risk import in_words, stronger_action
from integration.store import StepNote
from integration.text import Untrusted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from integration.casework import Casework
    from integration.diary.comment import SealedComment
    from integration.incident import Incident
    from integration.mirror import PlainComment, Shown, StepState, StepView, TicketState
    from integration.process import StepKey
    from integration.store import StepStatus

ADOPTED: Final = ("type", "stage", "impact", "likelihood", "lead", "secondary")
"""What a team may change in its host, by the names that incident, view and ticket have in common."""
SEALED_AT_ONCE: Final = 40
"""Plain comments of a ticket. Those are gone before more are sealed, so that the first of many do not stay until the last is
sealed; and they are, with their deletions, as many writes as GitHub takes in a minute."""


def adopt(incident: Incident, found: TicketState, accounts: Sequence[str], work: Casework) -> Incident:
    """Keep what the ticket shows otherwise, with a diary entry, and seal its plain comments; gives the incident as it is then.

    Of many plain comments the first are sealed, and the next ones when it is called again.

    A value that is none of ours, an alias that is not in the roster, and a stage that does not go with the ticket's
    state are not adopted, so that they are put back. Before the diary is begun, nothing is.

    Args:
        incident: as the store has it.
        found: the ticket.
        accounts: who acted, as the host says; empty if it did not say.
        work: the service.
    """
    if work.store.epoch(incident.id) is None:
        return incident
    now = incident if found.shown is None else _as_shown(incident, found, found.shown, work)
    steps = _moved_steps(incident, found, work)
    plain = _next_to_seal(incident, found, work)
    lines = [*_value_lines(incident, now), *_step_lines(steps, work)]
    if not lines and not plain:
        return incident
    bodies = [_change_entry(lines, accounts)] if lines else []
    bodies += [_exposed_entry(one) for one in plain]
    head = work.store.head(incident.id)
    entries = _sealed(incident, bodies, head, work)
    first = len(entries) - len(plain)
    work.store.change(
        now,
        before=incident,
        steps=steps,
        exposed={entries[first + number][0].id.seq: one for number, one in enumerate(plain)},
        head=head,
        comments=[comment for entry in entries for comment in entry],
        now=work.clock.now(),
    )
    return now


def unsealed(incident: Incident, found: TicketState, work: Casework) -> list[PlainComment]:
    """The plain comments on a ticket that no entry of its diary holds as they are."""
    return [one for one in found.plain if not one.ours and work.store.exposed(incident.id, one) is None]


def _next_to_seal(incident: Incident, found: TicketState, work: Casework) -> list[PlainComment]:
    """Some of them, counted with those whose entry is not on the ticket yet: while that cannot be written, no more are added."""
    waiting = unsealed(incident, found, work)
    if not waiting:
        return []
    store = work.store
    unwritten = {one.id.seq for one in store.comments(incident.id) if one.text not in found.comments}
    on_their_way = sum(not one.ours and store.exposed(incident.id, one) in unwritten for one in found.plain)
    return waiting[: max(0, SEALED_AT_ONCE - on_their_way)]


def is_settled(incident: Incident, found: TicketState, work: Casework) -> bool:
    """Whether a ticket shows nothing that :func:`adopt` or :func:`integration.observing.settle` would act upon."""
    shown = found.shown
    return not (
        (shown is not None and (wrong_values(mirror(incident, work.process), shown) or closed_wrongly(incident, shown)))
        or _moved_steps(incident, found, work)
        or any(not one.ours for one in found.plain)
        or work.store.exposures(incident.id)
    )  # fmt: skip


def _as_shown(incident: Incident, found: TicketState, shown: Shown, work: Casework) -> Incident:
    roster = work.roster()

    def alias_of(name: str) -> object:
        alias = getattr(shown, name)
        known = alias is None or roster.member(alias) is not None
        return alias if known and name not in shown.strange else getattr(incident, name)

    values: dict[str, Any] = {
        name: getattr(incident, name) if name in shown.strange else getattr(shown, name)
        for name in ("impact", "likelihood")
    }
    values |= {name: alias_of(name) for name in ("lead", "secondary")}
    if shown.type is not None:
        values["type"] = shown.type
    changed = replace(incident, **values)
    return replace(changed, stage=_stage(changed, found, shown, work))


def _stage(incident: Incident, found: TicketState, shown: Shown, work: Casework) -> Stage:
    """The stage follows the ticket's own state where that was changed: closed is what is closed there."""
    was_closed = incident.is_closed
    if shown.closed and not was_closed and not unfinished(incident, found, work):
        return Stage.CLOSED
    asked = shown.stage if shown.stage is not Stage.CLOSED else None
    if was_closed and not shown.closed:
        return asked or Stage.REPORTING_BACK
    return incident.stage if was_closed or asked is None else asked


def _moved_steps(incident: Incident, found: TicketState, work: Casework) -> dict[StepKey, StepNote]:
    """The steps that stand otherwise than when they were last looked at. One never looked at was open."""
    known, now = work.store.steps(incident.id), work.clock.now()
    return {
        key: StepNote(status_of(one), now, one.id)
        for key, one in found.steps.items()
        if status_of(one) != (known[key].status if key in known else "open")
    }


def status_of(step: StepState) -> StepStatus:
    """How a step stands."""
    return "skipped" if step.skipped else "done" if step.done else "open"


def _value_lines(before: Incident, after: Incident) -> list[str]:
    lines = [
        f"{name}: {_words(name, getattr(before, name))} -> {_words(name, getattr(after, name))}"
        for name in ADOPTED
        if getattr(before, name) != getattr(after, name)
    ]
    if (before.impact, before.likelihood) != (after.impact, after.likelihood):
        lines.append(
            f"risk: {in_words(before.impact, before.likelihood)} -> {in_words(after.impact, after.likelihood)}"
        )
        if stronger_action(after.impact, after.likelihood):
            lines.append("The process asks for stronger action.")
    return lines


def _words(name: str, value: object) -> str:
    if value is None:
        return "nobody" if name in {"lead", "secondary"} else "not yet assessed"
    return str(value.value if hasattr(value, "value") else value)


def _step_lines(steps: Mapping[StepKey, StepNote], work: Casework) -> list[str]:
    titles = {step.key: step.title for route in work.process.routes.values() for step in route}
    verbs = {"open": "opened again", "done": "done", "skipped": "skipped"}
    return [f"step {titles.get(key, key)!r}: {verbs[note.status]}" for key, note in steps.items()]


def _change_entry(lines: Sequence[str], accounts: Sequence[str]) -> str:
    if not accounts:
        who = "The host did not say by whom."
    elif len(accounts) == 1:
        who = f"By the account {accounts[0]}, the host says."
    else:
        who = f"By these accounts, the host says: {', '.join(accounts)}."
    return "\n".join(["Changed on the ticket in the host:", "", *lines, "", who, ""])


def _exposed_entry(one: PlainComment) -> str:
    """The note's head, then every line of the comment, indented so that it cannot pose as the head."""
    said = "\n".join(f"  {line}" for line in one.text.reveal().splitlines())
    return (
        f"Exposed note. The account {one.account} wrote this as a plain comment on the ticket, the host says, at "
        f"{one.written_at:%Y-%m-%d %H:%M} UTC.\nWhoever can read the ticket could read it; mail, notifications and the "
        f"host's history may have carried it.\n\n{said}\n"
    )


def _sealed(
    incident: Incident, bodies: Sequence[str], head: Head, work: Casework
) -> list[tuple[SealedComment, ...]]:
    """The entries one after another, each a note that the service signs, for the readers of the newest epoch."""
    epoch, now = work.store.epoch(incident.id), work.clock.now()
    entries: list[tuple[SealedComment, ...]] = []
    if epoch is None:
        return entries
    ticket = work.store.comments(incident.id)[-1].ticket
    for body in bodies:
        entry = seal_entry(
            incident=incident.id, ticket=ticket, head=head, epoch=epoch,
            entry=EntryDraft(EntryContent.NOTE, Untrusted(body), None, now),
            service=work.service_key, now=now, part_bytes=work.hosts[incident.space].part_bytes,
        )  # fmt: skip
        entries.append(entry)
        last = entry[-1]
        head = Head(incident.id, last.id.seq, last.id.part, last.link)
    return entries


def unfinished(incident: Incident, found: TicketState, work: Casework) -> tuple[StepView, ...]:
    """The steps of the incident's route that are neither done nor skipped. What is not known is not done."""
    view = mirror(incident, work.process)
    if found.steps_over:
        return ()
    if Touched.STEPS not in found.parts:
        known = work.store.steps(incident.id)
        over = {key for key, note in known.items() if note.status != "open"}
    else:
        over = {key for key, one in found.steps.items() if one.done or one.skipped}
    return tuple(step for step in view.steps if step.key not in over)


def closed_wrongly(incident: Incident, shown: Shown) -> bool:
    """Whether the ticket is closed and its incident is not, or the other way round."""
    return shown.closed != incident.is_closed

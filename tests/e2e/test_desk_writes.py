"""What a desk writes reaches the ticket once, whatever dies; what a host loses is restored and verifies."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from desk.reading import trust_of
from integration.deskwork import record, restore
from integration.diary.keys import Reader
from integration.diary.open import open_diary
from integration.diary.seal import EntryContent, EntryDraft
from integration.diary.write import open_next_epoch, write_entry
from integration.errors import CannotOpen, HeadConflict, HostError, WriteRefused
from integration.text import Untrusted
from sandbox.form import NOAHS_REPORT
from sandbox.playground import ORG, REPOSITORY
from sandbox.rehearsal import Killed, dying_at
from tests.sampled import sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.diary.keys import Identity
    from integration.diary.open import Diary
    from integration.incident import Alias, Incident
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]


def opened(server: Server, host: HostName) -> Incident:
    inbox_id = server.report(host, NOAHS_REPORT)
    server.open_until_done(inbox_id)
    return server.incident_of(inbox_id)


def read(server: Server, host: HostName, incident: Incident, identity: Identity) -> Diary:
    """The diary as it stands on the ticket, read past the service."""
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    trust = trust_of(incident.id, ref.name, server.parts.work.roster())
    head = server.parts.database.head(incident.id)
    return open_diary(server.shown(host, incident.id).texts, identity=identity, trust=trust, head=head)


def draft(server: Server, words: str) -> EntryDraft:
    return EntryDraft(
        content=EntryContent.NOTE, body=Untrusted(words), card=None, event_at=server.clock.now()
    )


def part_bytes(server: Server, incident: Incident) -> int:
    return server.parts.work.hosts[incident.space].part_bytes


def note(server: Server, diary: Diary, incident: Incident, who: Identity, words: str) -> list[str]:
    made = write_entry(
        diary,
        identity=who,
        draft=draft(server, words),
        part_bytes=part_bytes(server, incident),
        now=server.clock.now(),
    )
    return [one.text for one in made]


def rekey(
    server: Server, diary: Diary, incident: Incident, who: Identity, readers: Sequence[Alias]
) -> list[str]:
    roster = server.parts.work.roster()
    people = [
        Reader(one.alias, one.recipient, one.signing_key) for one in roster.members if one.alias in readers
    ]
    made = open_next_epoch(
        diary,
        identity=who,
        readers=people,
        recovery=[Reader(key.name, key.recipient, None) for key in roster.recovery],
        roster_serial=roster.serial,
        roster_hash=roster.hash,
        part_bytes=part_bytes(server, incident),
        now=server.clock.now(),
    )
    return [one.text for one in made]


def send(
    server: Server, diary: Diary, incident: Incident, texts: list[str], readers: Sequence[Alias] = ()
) -> str:
    """Record it, as the door would; the id of the job that brings it to the host."""
    before = {job.inbox_id for job in server.parts.database.unfinished_jobs()}
    record(incident.id, texts, head=diary.head, readers=readers, work=server.parts.work)
    (new,) = {job.inbox_id for job in server.parts.database.unfinished_jobs()} - before
    return new


def aliases(server: Server, *names: str) -> list[Alias]:
    return [one.alias for one in server.parts.work.roster().members if one.alias in names]


@pytest.mark.parametrize("host", HOSTS)
def test_an_entry_and_a_recusal_stand_on_the_ticket_and_verify(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    robert, charlie = identities["robert"], identities["charlie"]
    incident = opened(server, host)

    diary = read(server, host, incident, robert)
    keyring = rekey(server, diary, incident, robert, aliases(server, "robert"))
    server.open_until_done(send(server, diary, incident, keyring, aliases(server, "robert")))
    diary = read(server, host, incident, robert)
    server.open_until_done(
        send(server, diary, incident, note(server, diary, incident, robert, "after the recusal"))
    )

    mine, theirs = read(server, host, incident, robert), read(server, host, incident, charlie)
    assert [] == [finding for finding in mine.findings if finding.serious]
    assert "after the recusal" in mine.entries[-1].body.reveal()
    assert [EntryContent.REPORT] == [entry.content for entry in theirs.entries]
    assert ["robert"] == list(server.parts.database.readers(incident.id))


@pytest.mark.parametrize("after", [False, True], ids=["before-the-request", "after-the-answer"])
@pytest.mark.parametrize("host", HOSTS)
def test_killed_at_every_call_while_an_entry_goes_out(
    server: Server, host: HostName, identities: dict[str, Identity], *, after: bool
) -> None:
    robert = identities["robert"]
    incident = opened(server, host)
    server.world.jira.write_limits = False
    for sent, call in enumerate(sampled(12)):
        diary = read(server, host, incident, robert)
        job = send(server, diary, incident, note(server, diary, incident, robert, f"entry {call}"))
        with dying_at(call, after=after), contextlib.suppress(Killed, HostError):
            server.open(job)
        server.restart()

        server.open_until_done(job)

        shown = server.shown(host, incident.id)
        assert [(seq, 1) for seq in range(1, 4 + sent)] == sorted(shown.comments)
        assert [] == list(read(server, host, incident, robert).findings)


@pytest.mark.parametrize("host", HOSTS)
def test_two_desks_at_once_make_one_chain(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    incident = opened(server, host)
    diary = read(server, host, incident, identities["robert"])
    theirs = note(server, diary, incident, identities["charlie"], "also")
    send(server, diary, incident, note(server, diary, incident, identities["robert"], "first"))

    with pytest.raises(HeadConflict):
        record(incident.id, theirs, head=diary.head, readers=(), work=server.parts.work)


def test_a_new_keyring_must_say_whom_to_serve(server: Server, identities: dict[str, Identity]) -> None:
    incident = opened(server, "github")
    diary = read(server, "github", incident, identities["robert"])
    keyring = rekey(server, diary, incident, identities["robert"], aliases(server, "robert"))

    with pytest.raises(WriteRefused):
        record(incident.id, keyring, head=diary.head, readers=(), work=server.parts.work)


@pytest.mark.parametrize("damage", ["delete", "edit"])
@pytest.mark.parametrize("host", HOSTS)
def test_a_comment_that_was_deleted_or_edited_is_restored(
    server: Server, host: HostName, identities: dict[str, Identity], damage: str
) -> None:
    incident = opened(server, host)
    spoil(server, host, incident, damage)

    restore(incident.id, new_ticket=False, work=server.parts.work)
    (job,) = server.parts.database.unfinished_jobs()
    server.open_until_done(job.inbox_id)

    diary = read(server, host, incident, identities["robert"])
    assert [EntryContent.REPORT] == [entry.content for entry in diary.entries]
    if damage == "delete":
        assert [] == [finding for finding in diary.findings if finding.serious]


@pytest.mark.parametrize("host", HOSTS)
def test_a_ticket_that_was_deleted_is_restored_to_a_new_one_and_goes_on_there(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    robert = identities["robert"]
    incident = opened(server, host)
    old = server.parts.database.ticket(incident.id).ref
    assert old is not None
    with pytest.raises(WriteRefused, match="there again"):
        restore(incident.id, new_ticket=True, work=server.parts.work)
    delete_ticket(server, host, incident)

    restore(incident.id, new_ticket=True, work=server.parts.work)
    (job,) = server.parts.database.unfinished_jobs()
    server.clock.forward(minutes=10)
    server.open_until_done(job.inbox_id)

    new = server.parts.database.ticket(incident.id).ref
    assert new is not None
    assert new.name != old.name
    moved = read(server, host, incident, robert)
    assert {"other-ticket"} == {finding.code for finding in moved.findings}
    settled = EntryDraft(
        content=EntryContent.NOTE,
        body=Untrusted("restored"),
        card=None,
        event_at=server.clock.now(),
        moved_from=old.name,
    )
    made = write_entry(
        moved, identity=robert, draft=settled, part_bytes=part_bytes(server, incident), now=server.clock.now()
    )
    server.open_until_done(send(server, moved, incident, [one.text for one in made]))
    assert [] == [
        finding.code for finding in read(server, host, incident, robert).findings if finding.serious
    ]


def test_who_was_never_cleared_opens_nothing(server: Server, identities: dict[str, Identity]) -> None:
    incident = opened(server, "jira")

    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    texts = server.shown("jira", incident.id).texts
    trust = trust_of(incident.id, ref.name, server.parts.work.roster())

    with pytest.raises(CannotOpen):
        open_diary(texts, identity=identities["rachel"], trust=trust)


def spoil(server: Server, host: HostName, incident: Incident, damage: str) -> None:
    """A host's admin deletes the opening entry, or changes one letter of its ciphertext."""
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    if host == "jira":
        comments = server.world.jira.site.issues[ref.id].comments
        if damage == "delete":
            comments.pop(1)
        else:
            text = comments[1].body["content"][1]["content"][0]
            text["text"] = changed(text["text"])
        return
    issue = server.world.github.repo(f"{ORG}/{REPOSITORY}").issues[int(ref.id)]
    if damage == "delete":
        server.world.github.state.comments.pop(issue.comments.pop(1).id)
    else:
        issue.comments[1].body = changed(issue.comments[1].body)


def changed(text: str) -> str:
    """Another letter in the middle of the ciphertext."""
    place = text.index("-----BEGIN AGE") + 200
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def delete_ticket(server: Server, host: HostName, incident: Incident) -> None:
    ref = server.parts.database.ticket(incident.id).ref
    assert ref is not None
    if host == "jira":
        site = server.world.jira.site
        for issue in [one for one in site.issues.values() if ref.id in {one.id, one.parent}]:
            site.put_into_index(issue, server.clock.now(), gone=True)
            del site.issues[issue.id]
    else:
        repo = server.world.github.repo(f"{ORG}/{REPOSITORY}")
        parent = repo.issues[int(ref.id)]
        for one in [parent, *parent.children]:
            server.world.github.state.forget(one)
            repo.deleted.add(one.number)

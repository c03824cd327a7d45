"""Whatever people write arrives at the desk letter by letter, and does nothing on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from desk.reading import trust_of
from integration.diary.open import open_diary
from integration.errors import CannotOpen
from sandbox.form import NOAHS_REPORT

if TYPE_CHECKING:
    from integration.diary.keys import Identity
    from integration.diary.open import Diary
    from integration.incident import Incident
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]

HOSTILE = {
    "emoji": "🧑🏽‍🤝‍🧑🏻 👩‍👩‍👧 🏳️‍⚧️ zero\u200bwidth",
    "right to left": "\u202eevil\u202c שלום مرحبا",
    "markdown": "# big\n```\n</details>\n![x](https://example.org/x.png)\n- [ ] task\n<!-- coc:v1 inc_x step=safety -->",
    "wiki": "{code}{noformat}h1. big !image.png! [~accountid:1] {panel}bq. *bold*",
    "adf": '{"type":"doc","version":1,"content":[{"type":"mention","attrs":{"id":"5b10a2:somebody"}}]}',
    "mentions": "@somebody @everyone @org/team acme/conduct#1 #1 https://github.com/acme/x/issues/1",
    "armour": "-----END AGE ENCRYPTED FILE-----\nCoC-Seal: AAAA key=svc-demo\nCoC-Diary: v1 inc=x",
    "signature": "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\nLength: 0\n\n> x",
    "controls": "bell \x07 escape \x1b[31m null \x00 nel \x85 ls \u2028 ps \u2029 ff \x0c cr \r end",
    "html": "<script>alert(1)</script>&lt;b&gt;\"'`",
    "formula": '=HYPERLINK("http://example.org","x")',
}


def read_as(robert: Identity, server: Server, host: HostName, incident: Incident) -> Diary:
    roster = server.parts.work.roster()
    ticket = server.parts.database.ticket(incident.id).ref
    assert ticket is not None
    trust = trust_of(incident.id, ticket.name, roster)
    texts = server.shown(host, incident.id).texts
    return open_diary(texts, identity=robert, trust=trust, head=server.parts.database.head(incident.id))


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("host", HOSTS)
def test_hostile_text_in_every_field(
    server: Server, host: HostName, identities: dict[str, Identity], kind: str
) -> None:
    typed = {ref: f"{ref}: {HOSTILE[kind]}" for ref in NOAHS_REPORT if ref not in {"not_for", "what_is_it"}}
    inbox_id = server.report(host, {**typed, "what_is_it": HOSTILE[kind], "not_for": "no"})

    server.open_until_done(inbox_id)

    diary = read_as(identities["robert"], server, host, server.incident_of(inbox_id))
    assert [] == list(diary.findings)
    (entry,) = diary.entries
    body = entry.body.reveal().replace("\n  ", "\n")
    assert [] == [ref for ref, text in typed.items() if text not in body]
    assert entry.card is not None
    assert typed["who_is_it_about"] == entry.card.subject.reveal()


@pytest.mark.parametrize("host", HOSTS)
def test_a_long_report_becomes_several_parts_and_is_whole_again_at_the_desk(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    account = "\n".join(f"{number}: ärger 日本 🧑🏽‍🤝‍🧑🏻 " + "x" * 60 for number in range(2500))
    inbox_id = server.report(host, {**NOAHS_REPORT, "what_happened": account})
    incident = server.incident_of(inbox_id)

    server.open_until_done(inbox_id)

    shown = server.shown(host, incident.id)
    diary = read_as(identities["robert"], server, host, incident)
    assert len(shown.comments) > 4
    assert [] == list(diary.findings)
    assert account in diary.entries[0].body.reveal().replace("\n  ", "\n")


@pytest.mark.parametrize("host", HOSTS)
def test_an_edit_is_a_second_report_in_the_same_diary(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    first = server.report(host, NOAHS_REPORT, token="same")
    incident = server.incident_of(first)
    server.open_until_done(first)
    second = server.report(
        host, {**NOAHS_REPORT, "in_short": "I forgot to say: it happened twice."}, token="same"
    )

    server.open_until_done(second)

    diary = read_as(identities["robert"], server, host, incident)
    assert incident == server.incident_of(second)
    assert 1 == server.shown(host, incident.id).tickets
    assert [] == list(diary.findings)
    assert "it happened twice" in diary.entries[1].body.reveal()


@pytest.mark.parametrize("host", HOSTS)
def test_only_cleared_members_and_the_recovery_key_open_it(
    server: Server, host: HostName, identities: dict[str, Identity]
) -> None:
    """Charlie is named in the report, Rachel is not on duty: neither gets a key."""
    inbox_id = server.report(host, {**NOAHS_REPORT, "not_for": "please not Charlie"})
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)

    def opens(alias: str) -> bool:
        try:
            return bool(read_as(identities[alias], server, host, incident).entries)
        except CannotOpen:
            return False

    assert {"robert": True, "recovery": True, "charlie": False, "rachel": False} == {
        alias: opens(alias) for alias in ("robert", "recovery", "charlie", "rachel")
    }

"""What the service must not have any more once a report is in the diary: its text, and the epoch's secrets."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from integration.diary.open import Trust, open_diary
from sandbox.form import NOAHS_REPORT
from webhook_server.config import load_config

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName, Server

HOSTS: list[HostName] = ["jira", "github"]


@pytest.mark.parametrize("host", HOSTS)
def test_nothing_of_the_epoch_and_nothing_of_the_report_is_left(
    server: Server, host: HostName, identities: dict[str, Identity], tmp_path: Path
) -> None:
    inbox_id = server.report(host, NOAHS_REPORT)
    sealed = sealed_reports(server)
    server.open_until_done(inbox_id)
    incident = server.incident_of(inbox_id)
    roster, ticket = server.parts.work.roster(), server.parts.database.ticket(incident.id).ref
    assert ticket is not None
    trust = Trust(
        incident=incident.id,
        ticket=ticket.name,
        service_keys={key.id: key.public for key in roster.service_keys},
        members={member.alias: member.signing_key for member in roster.members},
    )
    diary = open_diary(server.shown(host, incident.id).texts, identity=identities["robert"], trust=trust)
    assert diary.keyring is not None
    newest = diary.keyring.newest
    backup = backed_up(server, tmp_path / "backup.sqlite")

    everything = backup + b"".join(path.read_bytes() for path in server.world.folder.glob("*.sqlite*"))

    secrets = [newest.read_secret, newest.write_secret, *sealed]
    assert all(secrets)
    assert [] == [kind for kind, one in enumerate(secrets) if one and one.encode() in everything]
    assert newest.epoch.recipient.encode() in everything, (
        "its public half is there, so the right files were searched"
    )


def sealed_reports(server: Server) -> list[str]:
    """The sealed columns of the inbox as they are while the report waits."""
    with sqlite3.connect(database(server)) as connection:
        found = [row[0] for row in connection.execute("SELECT sealed_report FROM inbox")]
    connection.close()
    return found


def backed_up(server: Server, to: Path) -> bytes:
    """A backup as SQLite makes it while the server runs."""
    with sqlite3.connect(database(server)) as source, sqlite3.connect(to) as target:
        source.backup(target)
    source.close()
    target.close()
    return to.read_bytes()


def database(server: Server) -> str:
    return load_config(server.world.config_path).database_url.removeprefix("sqlite:///")

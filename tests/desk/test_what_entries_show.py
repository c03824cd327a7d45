"""A changed card and an attached file are shown for what they are, in text and in Markdown; the list names the ticket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from desk.card_changes import card_changes, file_of
from integration.diary.attachment import describe, dump
from integration.diary.contents import Entry
from integration.diary.frame import Card, EntryContent
from integration.text import Untrusted

if TYPE_CHECKING:
    from tests.desk.conftest import At, Shelf

NAME = "BLUE-JAY-27"
NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)


def entry(
    seq: int, content: EntryContent, body: str = "", card: Card | None = None, *, complete: bool = True
) -> Entry:
    author = "service:svc-2026a" if content is EntryContent.REPORT else "member:robert"
    return Entry(seq, content, author, NOW, NOW, card, Untrusted(body), 1, complete)


def a_card(summary: str, subject: str = "Bo") -> Card:
    return Card(Untrusted("Ana"), Untrusted(subject), Untrusted(summary), "Conduct Enforcement")


def test_a_changed_card_shows_what_it_is_now_and_what_it_was(robert: At) -> None:
    robert("diary", "write", NAME, "--summary", "Two talks\n[red]were[/] interrupted")

    text = robert("diary", "read", NAME).stdout
    page = robert("diary", "read", NAME, "--format", "markdown").stdout

    entry_4 = text[text.index("Entry 4") :]
    assert "  Summary is now\n  │ Two talks\\x0a[red]were[/] interrupted\n  and was\n" in entry_4
    assert "  │ A talk was shouted down\n" in entry_4
    assert "  │ \n" not in entry_4
    assert (
        "- Summary is now ` Two talks\\x0a[red]were[/] interrupted ` and was ` A talk was shouted down `"
        in page
    )
    assert "```text\n\n```" not in page


def test_only_what_is_different_counts_as_a_change_and_the_first_card_as_none() -> None:
    first, same, other = a_card("one"), a_card("one"), a_card("two")

    found = card_changes(
        [
            entry(2, EntryContent.REPORT, "r", first),
            entry(3, EntryContent.REPORT, "r", same),
            entry(4, EntryContent.NOTE, "n"),
            entry(5, EntryContent.CARD, "", other),
        ]
    )

    assert [5] == list(found)
    assert [("Summary", "one", "two")] == [(one.name, one.before, one.after) for one in found[5]]


def test_a_later_report_changes_only_what_it_fills_in_and_nothing_that_a_member_wrote() -> None:
    found = card_changes(
        [
            entry(2, EntryContent.REPORT, "r", a_card("one", subject="")),
            entry(3, EntryContent.REPORT, "r", a_card("", subject="Bo")),
            entry(4, EntryContent.CARD, "", a_card("two", subject="")),
            entry(5, EntryContent.REPORT, "r", a_card("three", subject="Cy")),
            entry(6, EntryContent.CARD, "", a_card("four", subject="")),
        ]
    )

    said = {seq: [(one.name, one.before, one.after) for one in changed] for seq, changed in found.items()}
    assert {
        3: [("Subject", "", "Bo")],
        4: [("Subject", "Bo", ""), ("Summary", "one", "two")],
        6: [("Summary", "two", "four")],
    } == said


def test_the_reporters_correction_leaves_the_card_as_the_team_wrote_it(robert: At, shelf: Shelf) -> None:
    robert("diary", "write", NAME, "--subject", "Noah Brandt", "--summary", "The second report about him")
    shelf.write("? What happened\n  He shouted.", card=a_card("", subject="the tall one"))

    text = robert("diary", "read", NAME).stdout
    page = robert("diary", "read", NAME, "--format", "markdown").stdout

    assert "Card  of entry 4, by robert\n" in text
    assert "Noah Brandt" in text[: text.index("Entry 2")]
    assert "- Subject: ` Noah Brandt `" in page
    assert "the tall one" not in text + page


def test_a_card_of_several_reports_is_said_to_be_one(robert: At, shelf: Shelf) -> None:
    shelf.write("? Who\n  Bo", card=a_card("", subject="Bo"))

    text = robert("diary", "read", NAME).stdout

    assert "Card  of entry 3 and the reports before it, by the service (svc-2026a)\n" in text
    card = text[: text.index("Entry 2")]
    assert "Bo" in card
    assert "A talk was shouted down" in card


def test_an_entry_of_a_file_is_only_taken_for_one_if_it_is_whole_and_of_this_number() -> None:
    body = dump(describe(seq=7, name="a.png", media_type="image/png", size=3, sealed=b"sealed")).reveal()

    assert file_of(entry(7, EntryContent.ATTACHMENT, body)) is not None
    assert file_of(entry(8, EntryContent.ATTACHMENT, body)) is None
    assert file_of(entry(7, EntryContent.ATTACHMENT, body, complete=False)) is None
    assert file_of(entry(7, EntryContent.NOTE, body)) is None


def test_the_list_of_incidents_names_host_and_ticket(robert: At, shelf: Shelf) -> None:
    listed = robert("incidents").stdout

    assert "GitHub" in listed
    assert str(shelf.incident.ticket_url) in listed.replace("\n", "").replace(" ", "")


def test_a_sole_reader_with_a_conflict_is_told_of_the_recovery_keys(robert: At) -> None:
    refused = robert("recuse", NAME, "--yes")

    assert refused.exit_code == 1
    assert "recovery key" in refused.stderr

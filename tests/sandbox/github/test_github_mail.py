"""What the GitHub stand-in would mail: to those who watch or take part and may see it, never of an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sandbox.github.conftest import Hub

HOME = "/repos/acme/conduct"


def told(hub: Hub) -> set[tuple[str, str, str]]:
    found = {(mail.to, mail.subject, mail.text) for mail in hub.com.mails}
    hub.com.mails.clear()
    return found


def test_a_new_issue_is_mailed_to_all_who_may_push_but_its_author(hub: Hub) -> None:
    hub.open("writer", body="the text")
    subject = "[acme/conduct] BLUE-JAY-27 (Issue #1)"
    assert told(hub) == {("owner", subject, "the text"), ("teamster", subject, "the text")}


def test_who_takes_part_is_mailed_too_and_a_mention_only_of_those_who_see_it(hub: Hub) -> None:
    hub.open("writer")
    hub.call("reader", "POST", f"{HOME}/issues/1/comments", json={"body": "one"})
    told(hub)
    hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "two, @triager and @outsider"})
    assert {(to, text) for to, _subject, text in told(hub)} == {
        (who, "two, @triager and @outsider") for who in ("owner", "teamster", "reader", "triager")
    }


def test_edits_labels_and_deletions_mail_nobody_and_call_nothing_back(hub: Hub) -> None:
    hub.open("writer")
    comment = hub.call("writer", "POST", f"{HOME}/issues/1/comments", json={"body": "secret"}).json()["id"]
    before = list(hub.com.mails)
    hub.call("writer", "PATCH", f"{HOME}/issues/comments/{comment}", json={"body": "other"})
    hub.call("writer", "PATCH", f"{HOME}/issues/1", json={"title": "Other", "labels": ["x"]})
    hub.call("writer", "DELETE", f"{HOME}/issues/comments/{comment}")
    assert hub.com.mails == before
    assert any(mail.text == "secret" for mail in before)


def test_closing_is_mailed_with_its_reason(hub: Hub) -> None:
    hub.open("writer")
    told(hub)
    hub.call("writer", "PATCH", f"{HOME}/issues/1", json={"state": "closed", "state_reason": "not_planned"})
    assert {text for _to, _subject, text in told(hub)} == {"Closed #1 as not_planned."}

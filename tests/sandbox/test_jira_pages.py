"""The pages for people: what a member sees, what an outsider sees, and that nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from tests.sandbox.conftest import Office

SCRIPT = "<script>alert(1)</script>"


def page(office: Office, path: str, who: str | None) -> requests.Response:
    query = {} if who is None else {"as": f"acc-{who}"}
    return requests.get(f"{office.url}/browse/{path}", params=query, timeout=10)


def test_a_member_sees_fields_steps_comments_and_the_level(office: Office) -> None:
    fields = office.project.fields
    issue = office.open(
        labels=["coc"], **{fields["type"]: {"value": "Conflict Resolution"}, fields["risk"]: 6}
    )
    office.call("ada", "POST", "issue", json=office.step(issue, "Hear both sides", duedate="2026-12-01"))
    office.say("mirror", issue, "SEALED\nLINES", visibility={"type": "role", "value": "CoC team"})
    shown = page(office, "COC-1", "ada")
    assert shown.status_code == 200
    for text in (
        "BLUE-JAY-27",
        "CoC team only",
        "Conflict Resolution",
        "<dd>6</dd>",
        "Hear both sides",
        "due 2026-12-01",
        "<pre><code>SEALED\nLINES</code></pre>",
        "restricted to CoC team",
        "Incident Mirror",
    ):
        assert text in shown.text
    assert "BLUE-JAY-27" in page(office, "", "ben").text


def test_outsiders_admins_and_nobody_get_the_page_of_things_that_are_not_there(office: Office) -> None:
    office.open()
    for who in ("olga", "sam", None):
        shown = page(office, "COC-1", who)
        assert shown.status_code == 404
        assert shown.text.replace("COC-1", "COC-9") == page(office, "COC-9", who).text
        assert "BLUE-JAY-27" not in page(office, "", who).text


def test_a_comment_for_another_role_is_not_shown(office: Office) -> None:
    issue = office.open()
    office.say("mirror", issue, "for-the-service", visibility={"type": "role", "value": "CoC service"})
    assert "for-the-service" not in page(office, "COC-1", "ada").text
    assert "for-the-service" in page(office, "COC-1", "mirror").text


def test_everything_people_wrote_is_escaped(office: Office) -> None:
    issue = office.open(summary=SCRIPT, description=office.code(SCRIPT), labels=["<b>"])
    office.say("mirror", issue, SCRIPT)
    office.call("ada", "POST", "issue", json=office.step(issue, SCRIPT))
    for path in ("COC-1", "COC-2", ""):
        shown = page(office, path, "ada").text
        assert "<script" not in shown
        assert "&lt;script&gt;" in shown


def test_looking_at_pages_is_no_call_of_the_api(office: Office) -> None:
    office.open()
    before = office.cloud.wire.calls
    page(office, "COC-1", "ada")
    assert office.cloud.wire.calls == before


def test_the_search_through_everything_finds_what_was_sent_in_any_way(office: Office) -> None:
    issue = office.open(description=office.code('two\nlines and "quotes"'))
    office.say("mirror", issue, "in a comment")
    office.call("ada", "GET", "search/jql", params={"jql": 'project = COC AND labels = "asked-for"'})
    office.call("mirror", "POST", "issue", json=office.ticket(labels=["was refused"]))
    everything = office.cloud.text_of_everything()
    for text in ('two\nlines and "quotes"', "in a comment", "asked-for", "was refused", "BLUE-JAY-27"):
        assert text.encode() in everything
    assert b"never said" not in everything

"""Whoever can look at a host learns nothing of what was reported: the same is there, whatever it was."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

from integration.diary.comment import CommentId, find_comments
from integration.diary.open import read_age
from integration.errors import CannotOpen
from integration.github.fields import plan
from integration.github.text import step_body, ticket_body
from integration.mirror import mirror
from integration.process import default_process
from sandbox.playground import OUTSIDER, OWNER, TEAM
from tests.neutrality.conftest import CANARY, HOSTS, Told, told_world
from tests.neutrality.crawl import everything, fetch, told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from integration.diary.keys import Identity
    from sandbox.rehearsal import HostName

ROLES = (OUTSIDER, OWNER, "charlie", "robert")
"""An outsider, the admin of both hosts who is outside the team, a member who is left out of one report, a cleared one."""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("who", ROLES)
def test_two_reports_look_exactly_alike(offence: Told, blow: Told, host: HostName, who: str) -> None:
    one = everything(offence.world, host, who, offence.place)
    other = everything(blow.world, host, who, blow.place)
    assert len(one) > 30
    assert set(one) == set(other)
    for address in one:
        assert one[address] == other[address], address
        assert CANARY not in one[address] + other[address], address


@pytest.mark.parametrize("host", HOSTS)
def test_an_outsider_sees_no_difference_between_a_report_and_none(
    offence: Told, nothing: Told, host: HostName
) -> None:
    one = everything(offence.world, host, OUTSIDER, offence.place)
    assert one == everything(nothing.world, host, OUTSIDER, offence.place)
    assert not [address for address, answer in one.items() if "<code name>" in answer]
    assert [mail for mail in mails(offence, host) if mail[0] == OUTSIDER] == []


@pytest.mark.parametrize("host", HOSTS)
def test_the_cleared_member_reaches_the_ticket_by_what_is_asked(offence: Told, host: HostName) -> None:
    """Otherwise the other tests would compare nothing with nothing."""
    seen = everything(offence.world, host, "robert", offence.place)
    assert sum("<code name>" in answer for answer in seen.values()) > 8
    assert sum("<age file" in answer for answer in seen.values()) > 4


def words(*texts: object) -> set[str]:
    return {one.casefold() for text in texts for one in re.findall(r"[A-Za-z][A-Za-z'-]{2,}", str(text))}


OF_THE_DIARY = words(
    "CoC-Diary: inc ticket seq part epoch kind keyring entry prev CoC-Epoch CoC-Write CoC-Seal key svc-demo",
    "incident code name age file link keys signature uuid option value pre bytes",  # what the crawl says instead of what is random
    *(
        f"n{line}" for line in ("CoC-Diary", "CoC-Epoch", "CoC-Write", "CoC-Seal", "Due", "Please", "The")
    ),  # after \\n
)
"""The words that stand in clear in a diary comment, whatever it holds."""


def test_githubs_admin_gets_the_words_of_the_mirror_view_and_no_other(offence: Told, nothing: Told) -> None:
    """Beside those that she gets of a repository with an ordinary issue in it."""
    seen = words(everything(offence.world, "github", OWNER, offence.place))
    without = words(everything(nothing.world, "github", OWNER, nothing.place))
    view = mirror(offence.incidents["github"], default_process())
    head = "**Diary, entry 1: encrypted. Members who are cleared read it at their desk.**"
    bodies = [head, ticket_body(view), *(step_body(view, step) for step in view.steps)]
    labels = plan(view, ()).labels
    allowed = words(*bodies, *(step.title for step in view.steps), *labels, *OF_THE_DIARY)
    assert seen - without - allowed == set()
    assert "encrypted" in seen


def test_jiras_admin_outside_the_team_sees_no_difference_between_a_report_and_none(
    offence: Told, nothing: Told
) -> None:
    """The security level keeps her out, though she administers the site."""
    one = everything(offence.world, "jira", OWNER, offence.place)
    assert one == everything(nothing.world, "jira", OWNER, offence.place)


def mails(one: Told, host: HostName) -> list[tuple[str, ...]]:
    sent = one.world.jira.mail.sent if host == "jira" else one.world.github.mails
    return [
        (mail.to.removeprefix("acc-"), *(told(text, one.place.names) for text in (mail.subject, mail.text)))
        for mail in sent
    ]


@pytest.mark.parametrize("host", HOSTS)
def test_the_hosts_mail_is_the_same_whatever_was_reported(offence: Told, blow: Told, host: HostName) -> None:
    one = mails(offence, host)
    assert one == mails(blow, host)
    assert len(one) > 20
    assert {to for to, _subject, _text in one} <= {*TEAM, *([OWNER] if host == "github" else [])}
    assert CANARY not in str(one)


@pytest.mark.parametrize("host", HOSTS)
def test_other_apps_webhooks_get_the_same_whatever_was_reported(
    offence: Told, blow: Told, host: HostName
) -> None:
    def payloads(one: Told) -> list[str]:
        one.hooks[host].drain()
        return [told(body.decode(), one.place.names) for _headers, body, _code in one.hooks[host].deliveries]

    assert len(payloads(offence)) > 12
    assert payloads(offence) == payloads(blow)
    assert CANARY not in str(payloads(offence))


@pytest.mark.parametrize("host", HOSTS)
def test_a_recused_member_can_decrypt_nothing_that_was_written_afterwards(
    tmp_path: Path, identities: dict[str, Identity], now: datetime, host: HostName
) -> None:
    """With his own key, and every key that he finds in what he can open."""
    with told_world(tmp_path, identities, now, "offence", hosts=(host,)) as one:
        name = one.incidents[host].code_name
        assert one.town.coc("charlie", "diary", "read", name).exit_code == 0
        before = texts_for(one, host, "charlie")
        assert opened(before, identities["charlie"]) == set(before)
        for command in (
            ["recuse", name, "charlie", "--reason", "x"],
            ["diary", "write", name, "--file", "-"],
        ):
            done = one.town.coc("robert", *command, input="afterwards\n")
            assert done.exit_code == 0, done.output
        after = texts_for(one, host, "charlie")
        assert len(after) == len(before) + 3
        assert opened(after, identities["charlie"]) == set(before)
        assert opened(after, identities["robert"]) == set(after)


def texts_for(one: Told, host: HostName, who: str) -> dict[CommentId, bytes]:
    """The age files of the ticket's comments as this account fetches them from the host."""
    address = "/repos/govdocs/conduct/issues/1/comments?per_page=100"
    if host == "jira":
        address = "/rest/api/3/issue/COC-1/comment?maxResults=100"
    found = fetch(one.world, host, who, address)
    shown = found if host == "github" else found["comments"]
    texts = [one["body"] if host == "github" else _lines(one["body"]) for one in shown]
    return {block.id: block.age for text in texts for block in find_comments(text)}


def _lines(document: object) -> str:
    if isinstance(document, dict):
        inner = "".join(_lines(one) for one in document.get("content", []))
        return (
            str(document.get("text", ""))
            + inner
            + ("\n" if document.get("type") in {"paragraph", "codeBlock"} else "")
        )
    return ""


def opened(files: Mapping[CommentId, bytes], identity: Identity) -> set[CommentId]:
    """Which age files open with a member's key, and with every key that is found in those that do."""
    keys, done = [identity.secret], set[CommentId]()
    while True:
        before = len(done)
        for place, file in files.items():
            if place in done:
                continue
            with contextlib.suppress(CannotOpen):
                inside = read_age(file, keys)
                done.add(place)
                keys += re.findall(r"AGE-SECRET-KEY-1[A-Z0-9]{58}", inside.decode(errors="replace"))
        if len(done) == before:
            return done

"""A plain comment in Jira is read once more right before it is deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import requests

from integration.errors import Busy, HostUnavailable, HostUnknownOutcome
from integration.host_events import Touched
from integration.incident import SpaceName
from integration.jira.fields import JiraFieldIds
from integration.jira.host import JiraHost
from integration.jira.space import JiraSpace
from integration.jira.text import diary_comment
from integration.mirror import PlainComment, difference
from integration.ports import Budget, Pace, Unlimited
from sandbox.jira_cloud import JiraCloud
from sandbox.wire import Fault, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integration.diary.comment import SealedComment
    from integration.mirror import MirrorView, TicketRef
    from tests.conftest import SetClock
    from tests.jira_host.conftest import Seal

BOT, WREN = "5b10-bot", "5b10-wren"
TALK = frozenset({Touched.COMMENTS, Touched.STEPS})


def words(text: str, *more: dict[str, Any]) -> dict[str, Any]:
    content = [{"type": "text", "text": text}, *more]
    return {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": content}]}


@dataclass
class Desk:
    """A ticket with its steps and a diary, and a member who writes there."""

    cloud: JiraCloud
    site: str
    space: JiraSpace
    host: JiraHost
    view: MirrorView
    ref: TicketRef
    diary: SealedComment
    clock: SetClock

    def ask(self, method: str, path: str, **body: Any) -> Any:  # noqa: ANN401 - JSON
        self.clock.forward(seconds=1)
        answer = requests.request(
            method, f"{self.site}/rest/api/3/issue/{path}", auth=(f"{WREN}@acme.example", f"t-{WREN}"),
            json=body, timeout=10,
        )  # fmt: skip
        answer.raise_for_status()
        return answer.json()

    def another_host(self, budget: Budget, **more: Any) -> JiraHost:  # noqa: ANN401 - any argument
        return JiraHost(self.space, token=f"t-{BOT}", budget=budget, **more)

    def says(self, body: dict[str, Any], on: str = "") -> tuple[str, str]:
        """A plain comment: its path, and our name of it."""
        made = self.ask("POST", f"{on or self.ref.id}/comment", body=body)["id"]
        return f"{on or self.ref.id}/comment/{made}", f"{on}/{made}" if on else made

    def plain(self) -> tuple[PlainComment, ...]:
        return self.host.read(self.ref, self.view, TALK).plain

    def remove(self, plain: tuple[PlainComment, ...]) -> frozenset[str]:
        self.cloud.wire.journal.clear()
        return self.host.remove(self.ref, self.view, plain)

    def asked(self) -> list[str]:
        return [
            f"{one.method} {one.path.removeprefix('/rest/api/3/issue/')}" for one in self.cloud.wire.journal
        ]

    def step(self) -> str:
        return self.cloud.site.subtasks(self.cloud.site.issues[self.ref.id])[3].id


@pytest.fixture
def desk(clock: SetClock, view: MirrorView, seal: Seal) -> Iterator[Desk]:
    cloud = JiraCloud(now=clock.now)
    for account in (BOT, WREN):
        cloud.add_user(
            account_id=account, email=f"{account}@acme.example", token=f"t-{account}", name=account
        )
    made = cloud.restricted_project("COC", team=[WREN], service=BOT, lead_account=WREN, aliases=["Heron"])
    with serving(cloud.wire) as site:
        space = JiraSpace(
            name=SpaceName("conduct"), site=site, project="COC", email=f"{BOT}@acme.example",
            issue_type_id=made.issue_type_id, subtask_type_id=made.subtask_type_id,
            security_level_id=made.security_level_id, fields=JiraFieldIds(**made.fields),
            browse_roles=frozenset({made.roles[made.team_role]}), comment_role=made.team_role,
        )  # fmt: skip
        host = JiraHost(space, token=f"t-{BOT}", sleep=lambda seconds: clock.forward(seconds=seconds))
        ref, diary = host.open_ticket(view), seal(1)
        host.write(ref, view, difference(view, [diary], host.read(ref, view)))
        yield Desk(cloud, site, space, host, view, ref, diary, clock)


@pytest.mark.parametrize("on_step", [False, True], ids=["on-the-ticket", "on-a-step"])
def test_a_comment_that_says_something_else_by_now_stays(desk: Desk, *, on_step: bool) -> None:
    path, said = desk.says(words("I spoke to Noah."), desk.step() if on_step else "")
    _, other = desk.says(words("Another one."))
    plain = desk.plain()
    desk.ask("PUT", path, body=words("I spoke to Noah. He is afraid."))

    assert {other} == desk.remove(plain)

    (left,) = desk.plain()
    assert ("I spoke to Noah. He is afraid.", said) == (left.text.reveal(), left.id)
    assert {said} == desk.remove((left,))
    assert () == desk.plain()


def test_a_comment_that_was_edited_in_a_way_that_is_not_read_stays(desk: Desk) -> None:
    path, _ = desk.says(words("Look at this:"))
    plain = desk.plain()
    strong = words("Look at this:")
    strong["content"][0]["content"][0]["marks"] = [{"type": "strong"}]
    desk.ask("PUT", path, body=strong)
    assert frozenset() == desk.remove(plain)
    assert 1 == len(desk.remove(desk.plain()))


def test_a_diary_comment_that_was_put_right_meanwhile_stays(desk: Desk) -> None:
    place = desk.cloud.site.issues[desk.ref.id].comments[0]
    whole = diary_comment(desk.diary.text)
    path = f"{desk.ref.id}/comment/{place.id}"
    desk.ask("PUT", path, body={**whole, "content": [*whole["content"], *words("Noah")["content"]]})
    plain = desk.plain()
    assert ["Noah"] == [one.text.reveal() for one in plain]
    desk.ask("PUT", path, body=whole)
    assert frozenset() == desk.remove(plain)
    assert () == desk.plain()


def test_each_deletion_is_one_read_and_one_write(desk: Desk) -> None:
    paths = [desk.says(words(one), on)[0] for one, on in (("one", ""), ("two", desk.step()))]
    desk.remove(desk.plain())
    assert [f"{verb} {path}" for path in paths for verb in ("GET", "DELETE")] == desk.asked()


def test_what_is_not_there_any_more_counts_as_deleted(desk: Desk) -> None:
    _, said = desk.says(words("one"))
    plain = desk.plain()
    assert {said} == desk.remove(plain)
    assert {said} == desk.remove(plain)


def test_a_comment_is_not_gone_because_a_proxy_answered_with_its_sign_in_page(desk: Desk) -> None:
    _, said = desk.says(words("one"))
    plain = desk.plain()
    page = Fault("status", 200, b"<html>Sign in</html>", headers=(("Content-Type", "text/html"),))
    desk.cloud.wire.fail_next(page, skip=1)
    with pytest.raises(HostUnknownOutcome):
        desk.remove(plain)
    assert plain == desk.plain()
    assert {said} == desk.remove(plain)


def test_what_cannot_be_read_again_is_not_deleted(desk: Desk) -> None:
    desk.says(words("one"))
    plain = desk.plain()
    desk.cloud.wire.fail_next(Fault("status", 502))
    with pytest.raises(HostUnavailable):
        desk.remove(plain)
    assert plain == desk.plain()


def test_it_is_read_again_only_when_it_is_our_turn_to_write(desk: Desk) -> None:
    """Waiting for that can take seconds, in which somebody may change it."""

    class Crowded(Unlimited):
        def reserve(self, name: str, pace: Pace, writes: int) -> float:
            del pace, writes
            return 2.0 if name.endswith(f"/{desk.step()}") else 0.0

    path, said = desk.says(words("I spoke to Noah."), desk.step())
    plain = desk.plain()
    desk.host = desk.another_host(
        Crowded(), sleep=lambda _seconds: desk.ask("PUT", path, body=words("He is afraid."))
    )

    assert frozenset() == desk.remove(plain)

    assert [said] == [one.id for one in desk.plain()]


def test_nothing_is_deleted_once_another_process_has_the_lock(desk: Desk) -> None:
    class Lost(Unlimited):
        def check(self, name: str, pace: Pace, writes: int) -> None:
            del name, pace, writes
            raise Busy("The lock was lost.")

    desk.says(words("I spoke to Noah."))
    plain = desk.plain()
    desk.host = desk.another_host(Lost())

    with pytest.raises(Busy):
        desk.remove(plain)
    with pytest.raises(Busy):
        desk.host.erase(desk.ref, desk.view, [desk.diary.id], [])

    assert plain == desk.plain()
    assert [] == [one for one in desk.asked() if one.startswith("DELETE")]

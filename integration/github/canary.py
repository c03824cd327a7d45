"""A ticket that says nothing, written by the service and looked for by somebody who must not see it.

"Not found" proves something only where the same question finds it for somebody who may, so each is asked twice.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from integration.checks import Check, Outcome
from integration.errors import HostError, HostGone, HostRefused, HostRejected, HostUnknownOutcome
from integration.github.answers import GraphQLRefused, Json, KeyRefused
from integration.github.audience import KnownRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.github.client import Client

_TITLE = "Check of this ticket space"
_TEXT = (
    "coc-server doctor made this to see who can read it. It says nothing about anybody and may be deleted.\n\n"
    "{word}\n"
)
_NODE = "query($id: ID!) { node(id: $id) { ... on Issue { number title body } } }"
_DELETE = "mutation($gone: DeleteIssueInput!) { gone: deleteIssue(input: $gone) { clientMutationId } }"
_GIVE_OUTSIDER = "Run this with a token of an account that has no access to the repository."


@dataclass(frozen=True, slots=True)
class _Canary:
    """The issue, and the word by which it is known."""

    number: int
    node: str
    word: str


def look_at_canary(bot: Client, admin: Client | None, outsider: Client | None) -> Iterator[Check]:
    """Write it, look for it in every way we know, and take it away again, whatever happens in between.

    Raises:
        HostError: the service itself could not write it.
    """
    repository = KnownRepository(bot)
    _, doors = repository.look()
    if doors:
        yield Check(
            "canary",
            Outcome.UNKNOWN,
            "nothing was written to a repository that is not restricted",
            "See above.",
        )
        return
    word = f"coc-check-{secrets.token_hex(12)}"
    body = {"title": _TITLE, "body": _TEXT.format(word=word)}
    try:
        issue = bot.write("POST", f"{bot.path}/issues", body, "write a check")
    except HostUnknownOutcome:
        issue = {}
    number, node = issue.get("number"), issue.get("node_id")
    if not isinstance(number, int) or not isinstance(node, str):
        what = "it is not known whether the canary was written"
        yield Check(
            "canary", Outcome.UNKNOWN, what, f"If there is an issue '{_TITLE}', delete it. Run this again."
        )
        return
    canary = _Canary(number, node, word)
    try:
        yield Check("canary", Outcome.PASS, f"the service wrote the issue #{canary.number}")
        yield _listed_at_once(bot, canary)
        yield _commented(bot, canary, locked=repository.may_lock)
        yield from _seen_by(outsider, bot, admin, canary)
    finally:
        gone = _taken_away(bot, admin, canary)
    yield gone


def _listed_at_once(bot: Client, canary: _Canary) -> Check:
    """A ticket is looked for in the list of issues before it is opened again."""
    newest = next(
        iter(
            bot.get_list(
                f"{bot.path}/issues", "list the issues", state="all", sort="created", direction="desc"
            )
        ),
        {},
    )
    if newest.get("number") == canary.number:
        return Check("list-is-current", Outcome.PASS, "the list of issues shows a new one at once")
    return Check(
        "list-is-current",
        Outcome.FAIL,
        "the list of issues did not show a new one at once",
        "A ticket could be opened twice after a lost answer. Please tell us; until then look for doubles.",
    )


def _commented(bot: Client, canary: _Canary, *, locked: bool) -> Check:
    """The service must be able to comment where members are kept from it."""
    path = f"{bot.path}/issues/{canary.number}"
    if locked:
        bot.write("PUT", f"{path}/lock", {}, "lock the check")
    try:
        bot.write("POST", f"{path}/comments", {"body": canary.word}, "comment on the check")
    except (HostRefused, HostGone):
        what = (
            "the service cannot comment on a locked conversation" if locked else "the service cannot comment"
        )
        return Check("canary-comment", Outcome.FAIL, what, "Give the service's account the role write.")
    if locked:
        return Check("canary-comment", Outcome.PASS, "the service comments on a conversation that it locked")
    return Check(
        "canary-comment",
        Outcome.PASS,
        "the service comments; as an App it locks no conversation (docs/hosts/github.md)",
    )


def _seen_by(outsider: Client | None, bot: Client, admin: Client | None, canary: _Canary) -> Iterator[Check]:
    if outsider is None:
        yield Check(
            "outsider", Outcome.UNKNOWN, "nobody without access looked for the canary", _GIVE_OUTSIDER
        )
        return
    try:
        who = outsider.own_login()
    except HostError as error:
        yield Check("outsider", Outcome.UNKNOWN, f"the outsider could not look. {error.what}", _GIVE_OUTSIDER)
        return
    known = {bot.own_login(), admin.own_login() if admin is not None else ""}
    if who.casefold() in {one.casefold() for one in known}:
        what = f"{who} is no outsider: it is the service's or the owner's own account"
        yield Check("outsider", Outcome.UNKNOWN, what, _GIVE_OUTSIDER)
        return
    yield Check("outsider", Outcome.PASS, f"{who} looked for the canary")
    for key, what, ask in _QUESTIONS:
        yield _compared(f"canary-{key}", what, ask, bot, outsider, canary)


def _compared(
    key: str,
    what: str,
    ask: Callable[[Client, _Canary], object],
    bot: Client,
    outsider: Client,
    canary: _Canary,
) -> Check:
    """The same question by the service, which must find it, and by the outsider, who must not."""
    try:
        found = _holds(ask(outsider, canary), canary)
    except KeyRefused:
        return Check(
            key, Outcome.UNKNOWN, f"{what}: GitHub does not accept the outsider's token", _GIVE_OUTSIDER
        )
    except (HostGone, HostRefused, HostRejected, GraphQLRefused):
        found = None  # hidden: GitHub says that there is nothing, or not for them
    except HostError as error:
        return Check(key, Outcome.UNKNOWN, f"{what}: {error.what}", error.next_step)
    if found:
        return Check(
            key,
            Outcome.FAIL,
            f"{what}: somebody without access sees the canary",
            "Nothing confidential may be written there. Find out how, beginning with the repository's visibility.",
        )
    try:
        control = _holds(ask(bot, canary), canary)
    except HostError as error:
        return Check(
            key, Outcome.UNKNOWN, f"{what}: the service could not look. {error.what}", error.next_step
        )
    if not control:
        again = "Run this again in some minutes."
        return Check(key, Outcome.UNKNOWN, f"{what}: the service does not find it (yet) either", again)
    how = "hidden" if found is None else "not in the answer"
    return Check(key, Outcome.PASS, f"{what}: {how} for the outsider, and there for the service")


def _holds(answer: object, canary: _Canary) -> bool:
    """Whether an answer, at any depth, holds the canary's word or is about its issue."""
    if isinstance(answer, dict):
        if answer.get("number") == canary.number and answer.get("title") == _TITLE:
            return True
        return any(_holds(part, canary) for part in answer.values())
    if isinstance(answer, list):
        return any(_holds(part, canary) for part in answer)
    return isinstance(answer, str) and canary.word in answer


def _issue(client: Client, canary: _Canary) -> object:
    return client.get_object(f"{client.path}/issues/{canary.number}", "look for the check")


def _comments(client: Client, canary: _Canary) -> object:
    return client.get(f"{client.path}/issues/{canary.number}/comments", "look for the check's comments")


def _timeline(client: Client, canary: _Canary) -> object:
    return client.get(f"{client.path}/issues/{canary.number}/timeline", "look for the check's timeline")


def _listing(client: Client, canary: _Canary) -> object:
    del canary
    return client.get(
        f"{client.path}/issues", "list the issues", state="all", sort="created", direction="desc"
    )


def _search(client: Client, canary: _Canary) -> object:
    query = f"{canary.word} repo:{client.where} is:issue"
    return client.get("/search/issues", "search for the check", q=query)


def _search_everywhere(client: Client, canary: _Canary) -> object:
    return client.get("/search/issues", "search for the check", q=f"{canary.word} is:issue")


def _graphql(client: Client, canary: _Canary) -> object:
    return client.query(_NODE, {"id": canary.node}, "look for the check")


_QUESTIONS: tuple[tuple[str, str, Callable[[Client, _Canary], object]], ...] = (
    ("issue", "the issue itself", _issue),
    ("comments", "its comments", _comments),
    ("timeline", "its timeline", _timeline),
    ("list", "the list of issues", _listing),
    ("search", "search in the repository", _search),
    ("search-everywhere", "search in all of GitHub", _search_everywhere),
    ("graphql", "GraphQL", _graphql),
)


def _taken_away(bot: Client, admin: Client | None, canary: _Canary) -> Check:
    """Closed by the service, and deleted by the owner; issues cannot be deleted by REST, nor without the role admin."""
    path, deleted = f"{bot.path}/issues/{canary.number}", False
    by_hand = f"Delete the issue #{canary.number} by hand."
    closed: Json = {"state": "closed", "state_reason": "not_planned"}
    try:
        bot.write("PATCH", path, closed, "close the check")
        if admin is not None:
            admin.mutate(_DELETE, {"gone": {"issueId": canary.node}}, "delete the check", writes=1)
            deleted = True
    except HostError as error:
        return Check("canary-gone", Outcome.UNKNOWN, f"the canary may still be open. {error.what}", by_hand)
    if deleted:
        return Check("canary-gone", Outcome.PASS, "the canary is deleted")
    what = f"the canary #{canary.number} is closed; only an owner can delete it"
    return Check("canary-gone", Outcome.PASS, what)

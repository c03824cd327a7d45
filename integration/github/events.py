"""What GitHub's webhook tells us: whether it is GitHub's, of our repository, and which ticket to read again.

Only the event's name, its action, numbers and logins are looked at. Titles, bodies and comments stay where they are:
whoever acts on a hint reads the ticket itself.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import TYPE_CHECKING

from integration.errors import HostError, Unauthenticated, UnreadableSubmission
from integration.github.answers import Json, objects
from integration.github.text import find_marker
from integration.host_events import HostEvent, Touched

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}\Z", re.ASCII)
_DELIVERY = re.compile(r"[0-9A-Za-z-]{8,64}\Z", re.ASCII)
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}(?:\[bot\])?\Z", re.ASCII)
_ISSUE_ADDRESS = re.compile(r"/repos/([^/?#]+/[^/?#]+)/issues/([1-9][0-9]{0,9})\Z", re.ASCII)
_LONGEST_NUMBER = 10**10

_OF_NO_USE = {
    "issues": frozenset({"assigned", "unassigned", "milestoned", "demilestoned", "pinned", "unpinned"}),
    "issue_comment": frozenset({"pinned", "unpinned"}),
    "repository": frozenset({"edited"}),
}
"""Actions that change nothing of what a ticket shows or of who can read it."""

_OF_A_TICKET = frozenset({"issues", "issue_comment", "sub_issues"})
_OF_THE_REPOSITORY = frozenset({"repository", "public", "member", "team_add", "meta"})
_OF_THE_ORGANISATION = frozenset({"organization", "membership", "team"})
_OF_AN_APP = frozenset({"installation", "installation_repositories", "installation_target"})


class GitHubEvents:
    """A :class:`integration.host_events.HostEvents` for one repository.

    Args:
        owner: the repository's owner.
        repository: its name.
        secrets: the webhook's secret; while it is changed, the old and the new one.
        own: the accounts under which we write, or none while GitHub does not tell; asked only where an event matters.
        repository_id: GitHub's own id of the repository, so that it is known under another name or owner too; None
            while it is not known.
    """

    def __init__(
        self,
        owner: str,
        repository: str,
        secrets: Sequence[str],
        *,
        own: Callable[[], Collection[str]],
        repository_id: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._owner = owner.casefold()
        self._name = f"{owner}/{repository}".casefold()
        self._keys = [secret.encode() for secret in secrets if secret]
        self._own = own
        self._repository_id = repository_id

    def read(self, headers: Mapping[str, str], raw: bytes) -> HostEvent | None:
        """What a delivery says; None for a kind of event that is of no use to us, or of another repository."""
        given = {name.casefold(): value for name, value in headers.items()}
        self._prove(given.get("x-hub-signature-256", ""), raw)
        event, delivery = given.get("x-github-event", ""), given.get("x-github-delivery", "")
        if not event or not _DELIVERY.match(delivery):
            raise _unreadable("it names no event, or no delivery")
        payload = _parsed(raw)
        if _at(payload, "action") in _OF_NO_USE.get(event, ()):
            return None
        if event in _OF_A_TICKET:
            place = self._on_a_ticket(event, payload)
        elif self._about_the_space(event, payload):
            place = (Touched.SPACE, None)
        else:
            place = None
        if place is None:
            return None
        account = _sender(payload)
        return HostEvent(delivery, *place, account=account, own=self._is_own(account))

    def _prove(self, header: str, raw: bytes) -> None:
        """Compare with every key we have, in constant time.

        https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        """
        given = header.encode("ascii", errors="replace") if _SIGNATURE.match(header) else b""
        wanted = [
            b"sha256=" + hmac.new(key, raw, hashlib.sha256).hexdigest().encode("ascii") for key in self._keys
        ]
        right = [hmac.compare_digest(given, one) for one in wanted]
        if not any(right):
            raise Unauthenticated(
                "The delivery does not prove that it comes from the webhook of the ticket space.",
                meaning="Nothing was stored.",
                next_step="If GitHub sent it, the webhook's secret there and ours are not the same.",
            )

    # Tickets ----------------------------------------------------------------------------------------

    def _on_a_ticket(self, event: str, payload: Json) -> tuple[Touched, str | None] | None:
        """What was touched on which ticket; of a sub-issue its parent's number, or its own where no parent is named.

        GitHub's description of these events lists no parent, that of the same issue by REST does.
        """
        if not self._is_ours(_object(payload, "repository")):
            return None
        if event == "sub_issues":
            parent = payload.get("parent_issue")
            if parent is not None and not isinstance(parent, dict):
                raise _unreadable("its parent issue is not an object")
            return Touched.STEPS, self._number(parent) if parent is not None else None
        issue = _object(payload, "issue")
        number = self._number(issue)
        if "pull_request" in issue:
            return None
        touched = Touched.COMMENTS if event == "issue_comment" else Touched.TICKET
        above = issue.get("parent_issue_url")
        if touched is Touched.TICKET and (above is not None or _is_step(issue)):
            touched = Touched.STEPS
        return touched, number if above is None else self._parent(above)

    def _number(self, issue: Json) -> str | None:
        """An issue's number; None for one that says that it is in another repository."""
        number, address = issue.get("number"), issue.get("repository_url")
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < _LONGEST_NUMBER:
            raise _unreadable("its issue has no number")
        if isinstance(address, str) and "/repos/" in address:
            there = address.rpartition("/repos/")[2].casefold()
            return str(number) if there == self._name else None
        return str(number)

    def _parent(self, address: object) -> str | None:
        """The number in a parent's address, if that is in our repository."""
        found = _ISSUE_ADDRESS.search(address) if isinstance(address, str) else None
        return found[2] if found is not None and found[1].casefold() == self._name else None

    # The ticket space -------------------------------------------------------------------------------

    def _about_the_space(self, event: str, payload: Json) -> bool:
        if event in _OF_THE_REPOSITORY:
            repository = payload.get("repository")
            if repository is None and event == "meta":
                return True  # the hook itself was deleted, and it is ours: it was signed with our secret
            return self._is_ours(_object(payload, "repository")) or self._was_ours(payload)
        if event in _OF_THE_ORGANISATION:
            repository = payload.get("repository")
            if isinstance(repository, dict) and event == "team":
                return self._is_ours(repository)
            return self._is_our_owner(_object(payload, "organization"), payload)
        if event in _OF_AN_APP:
            return self._about_our_installation(event, payload)
        return False

    def _is_ours(self, repository: Json) -> bool:
        """Whether it is our repository, by GitHub's id or by its name: whatever took the name matters as well."""
        name, number = repository.get("full_name"), repository.get("id")
        if not isinstance(name, str) or not isinstance(number, int):
            raise _unreadable("its repository has no name or no id")
        return name.casefold() == self._name or str(number) == self._repository_id()

    def _was_ours(self, payload: Json) -> bool:
        """Whether the repository had our name before it was renamed or transferred."""
        owner, _, name = str(_object(payload, "repository")["full_name"]).rpartition("/")
        was_named = _at(payload, "changes", "repository", "name", "from")
        was_of = [
            _at(payload, "changes", "owner", "from", kind, "login") for kind in ("user", "organization")
        ]
        before = f"{next(filter(None, was_of), owner)}/{was_named or name}"
        return before.casefold() == self._name

    def _is_our_owner(self, account: Json, payload: Json) -> bool:
        """Whether it is our owner, or was before it was renamed. An enterprise has no login."""
        names = (_at(account, "login"), _at(payload, "changes", "login", "from"))
        return self._owner in {name.casefold() for name in names if name is not None}

    def _about_our_installation(self, event: str, payload: Json) -> bool:
        """Whether an App (ours, or one whose hook we are) was given or taken repositories of our owner, or its rights."""
        if event == "installation_target":
            return self._is_our_owner(_object(payload, "account"), payload)
        installed = _object(_object(payload, "installation"), "account")
        if not self._is_our_owner(installed, payload):
            return False
        lists = [payload.get(name) for name in ("repositories_added", "repositories_removed")]
        if event == "installation" or payload.get("repository_selection") == "all":
            return True
        return any(
            isinstance(one.get("full_name"), str) and isinstance(one.get("id"), int) and self._is_ours(one)
            for listed in lists
            for one in objects(listed)
        )

    def _is_own(self, account: str) -> bool:
        """While GitHub does not say who we are, an event is taken for somebody else's: then it is looked at once more."""
        if not account:
            return False
        try:
            own = self._own()
        except HostError:
            return False
        return account.casefold() in {one.casefold() for one in own}


def _parsed(raw: bytes) -> Json:
    try:
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise _unreadable("it is not a JSON object; the webhook's content type must be application/json")
    return payload


def _object(payload: Json, name: str) -> Json:
    found = payload.get(name)
    if not isinstance(found, dict):
        raise _unreadable(f"it has no {name}")
    return found


def _at(payload: Json, *names: str) -> str | None:
    """The text at a path, if there is one."""
    found: object = payload
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _is_step(issue: Json) -> bool:
    mark = find_marker(issue.get("body"))
    return mark is not None and mark.step is not None


def _sender(payload: Json) -> str:
    """The login that acted; empty where GitHub names nobody."""
    sender = payload.get("sender")
    if sender is None:
        return ""
    login = sender.get("login") if isinstance(sender, dict) else None
    if not isinstance(login, str) or not _LOGIN.match(login):
        raise _unreadable("its sender has no login")
    return login


def _unreadable(why: str) -> UnreadableSubmission:
    """Our own words about it; nothing of the delivery is repeated."""
    return UnreadableSubmission(
        f"A signed delivery of GitHub's webhook is not of a shape that GitHub documents: {why}.",
        meaning="Nothing was done about it. What it told of is found at the next comparison with the host.",
        next_step="Look at the webhook's recent deliveries on GitHub, and tell us the event's name.",
    )

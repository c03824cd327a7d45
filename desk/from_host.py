"""Reads a ticket's comments from Jira or GitHub itself, with the member's own credential, past the service.

So a service and a host's admin who work together can still not rewrite what this desk has seen. Only public calls
of the hosts are made, and only reading ones. The credential goes to the address that the *member* named, never to
one that the service tells.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

import requests

from integration.diary.chain import arrange
from integration.diary.comment import find_comments
from integration.diary.findings import Finding
from integration.errors import HomeError, TicketUnreadable
from integration.signed_request import is_loopback, origin_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from integration.diary.comment import CommentId, Link
    from integration.incident import IncidentId
    from integration.roster import Roster

_FILE: Final = "hosts.toml"
_TIMEOUT: Final = (10, 60)
_PAGE: Final = 100
_MOST_PAGES: Final = 200
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
_JIRA: Final = re.compile(r"jira:([a-z0-9.:-]+)/([1-9][0-9]{0,18})\Z")
_GITHUB: Final = re.compile(r"github:([A-Za-z0-9-]+)/([A-Za-z0-9._-]+)#([1-9][0-9]{0,18})\Z")


@dataclass(frozen=True, slots=True)
class Credential:
    """A member's own way into a host: its address, the token, and on Jira the account's mail address."""

    url: str
    token: str = field(repr=False)
    email: str | None = None


def credential_for(
    ticket: str, home: Path, *, url: str | None, email: str | None, token_file: Path | None
) -> Credential:
    """What the member said on the command line, and for the rest ``hosts.toml`` in the desk's folder.

    Raises:
        HomeError: something is missing or cannot be read.
        ConfigError: the address is none.
    """
    kind = ticket.partition(":")[0]
    table = _table(home / _FILE, kind)
    url = url or table.get("url") or ("https://api.github.com" if kind == "github" else None)
    email = email or table.get("email")
    if token_file is None and "token_file" in table:
        token_file = home / table["token_file"]
    lacking = [
        name
        for name, value in (("--host-url", url), ("--host-token-file", token_file), ("--host-email", email))
        if value is None and (name != "--host-email" or kind == "jira")
    ]
    if url is None or token_file is None or lacking:
        raise HomeError(
            f"To read the ticket itself, this desk needs {' and '.join(lacking)}.",
            meaning="The ticket is read with your own account, not the service's. Nothing was sent.",
            next_step=f"Say it here, or write it into {home / _FILE}: docs/desk.md shows how.",
        )
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise HomeError(
            f"There is no token in {token_file}.",
            next_step="Make a token in your own account that may read issues, and put it there, alone.",
        )
    return Credential(origin_of(url, where="The host's address"), token, email)


def _table(path: Path, kind: str) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8")).get(kind, {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise HomeError(f"{path} cannot be read.", next_step="docs/desk.md shows what stands in it.")
    return found


def ticket_texts(ticket: str, credential: Credential) -> list[str]:
    """The texts of a ticket's comments, in the order they stand.

    Raises:
        TicketUnreadable: the host does not show them to this account, or does not answer as documented.
    """
    if (jira := _JIRA.match(ticket)) is not None:
        if urlsplit(credential.url).netloc.lower() != jira[1]:
            raise TicketUnreadable(
                f"The diary stands on {jira[1]}, and your credential is for {urlsplit(credential.url).netloc}.",
                meaning="A token is only ever sent to the address that you named yourself. Nothing was sent.",
                next_step="If the team uses both sites, name the other one with --host-url.",
            )
        return list(_jira_comments(_Reader(credential), jira[2]))
    if (github := _GITHUB.match(ticket)) is not None:
        return list(_github_comments(_Reader(credential), github[1], github[2], github[3]))
    raise TicketUnreadable(f"{ticket} is not a ticket that this desk knows how to read.")


def _jira_comments(reader: _Reader, issue: str) -> Iterator[str]:
    """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-comments/."""
    start = 0
    for _ in range(_MOST_PAGES):
        page = reader.get(
            f"/rest/api/3/issue/{issue}/comment", {"startAt": str(start), "maxResults": str(_PAGE)}
        )
        comments = page.get("comments") if isinstance(page, dict) else None
        total = page.get("total") if isinstance(page, dict) else None
        if not isinstance(comments, list) or type(total) is not int:
            raise reader.odd()
        yield from (text_of(one.get("body")) for one in comments if isinstance(one, dict))
        start += len(comments)
        if start >= total:
            return
        if not comments:
            break
    raise reader.odd()


def _github_comments(reader: _Reader, owner: str, repository: str, number: str) -> Iterator[str]:
    """https://docs.github.com/en/rest/issues/comments#list-issue-comments."""
    path = f"/repos/{quote(owner)}/{quote(repository)}/issues/{number}/comments"
    for page in range(1, _MOST_PAGES + 1):
        comments = reader.get(path, {"per_page": str(_PAGE), "page": str(page)})
        if not isinstance(comments, list):
            raise reader.odd()
        for one in comments:
            body = one.get("body") if isinstance(one, dict) else None
            if isinstance(body, str):
                yield body
        if len(comments) < _PAGE:
            return
    raise reader.odd()


class _Reader:
    """GET requests to one address, as one account."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(urlsplit(credential.url).hostname or "")

    def get(self, path: str, query: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        """The answer's JSON."""
        who = self._credential
        try:
            with self._session.get(
                who.url + path,
                params=query,
                auth=_bearer(who.token) if who.email is None else (who.email, who.token),
                headers={"Accept": "application/json"},
                timeout=_TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as reply:
                body = reply.raw.read(_LARGEST_ANSWER + 1, decode_content=True)
        except (requests.RequestException, OSError):
            raise TicketUnreadable(
                f"{who.url} could not be reached.",
                meaning="The ticket was not read.",
                next_step="Check your connection and try again.",
            ) from None
        if reply.status_code != requests.codes.ok:
            raise TicketUnreadable(
                f"{who.url} answered {reply.status_code} when asked for the ticket's comments.",
                meaning="The ticket is not there, or your account or token may not see it.",
                next_step="Open the ticket in the browser. If you see it there, your token lacks the right to read it; "
                "if not, the ticket may be deleted: coc diary restore.",
            )
        try:
            if len(body) > _LARGEST_ANSWER:
                raise self.odd()
            return json.loads(body)
        except (ValueError, RecursionError):
            raise self.odd() from None

    def odd(self) -> TicketUnreadable:
        """The answer is not as the host documents it."""
        return TicketUnreadable(
            f"{self._credential.url} gave an answer that is not a list of comments.",
            meaning="Something else may be answering at this address.",
            next_step="Check the address of the host.",
        )


def _bearer(token: str) -> requests.auth.AuthBase:
    class Bearer(requests.auth.AuthBase):
        def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
            prepared.headers["Authorization"] = f"Bearer {token}"
            return prepared

    return Bearer()


def text_of(document: object) -> str:
    """All text of an Atlassian document, each block on lines of its own. The document may be anything."""
    pieces: list[str] = []
    waiting: list[object] = [document]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif isinstance(node, dict):
            content, text = node.get("content"), node.get("text")
            if isinstance(text, str):
                pieces.append(text)
            elif node.get("type") == "hardBreak":
                pieces.append("\n")
            if isinstance(content, list):
                waiting.append("\n")
                waiting.extend(reversed([one for one in content if isinstance(one, dict)]))
    return "".join(pieces)


def compare(
    served: Sequence[str],
    on_ticket: Sequence[str],
    *,
    incident: IncidentId,
    roster: Roster,
    redacted: Collection[CommentId] = (),
) -> tuple[Finding, ...]:
    """What the ticket itself shows beside what the service shows. Only comments with a good seal are compared.

    What was ``redacted`` the service does not have; that it still stands on the ticket, a reading of that says.

    A service and a host's admin who work together can still not show two members two histories for long: both
    are compared with what this desk has seen, too.
    """
    theirs, there = (_links(texts, incident, roster) for texts in (served, on_ticket))
    other = {place.seq for place in theirs.keys() & there.keys() if not theirs[place] & there[place]}
    absent = {place.seq for place in theirs.keys() - there.keys()}
    held_back = {place.seq for place in there.keys() - theirs.keys() - set(redacted)}
    findings = []
    if other:
        findings.append(
            Finding(
                "two-histories",
                None,
                f"On the ticket stands another {_entries(other)} than the one the service shows.",
                "Both are sealed, so the service made two histories. Compare heads with the other members, and do "
                "not trust it until this is clear.",
            )
        )
    if absent:
        findings.append(
            Finding(
                "not-on-ticket",
                None,
                f"The service shows {_entries(absent)}, and the ticket does not.",
                "If it was written minutes ago, the service is still posting it: ask again. Else somebody deleted or "
                "changed it on the ticket: restore it (coc diary restore).",
            )
        )
    if held_back:
        findings.append(
            Finding(
                "not-served",
                None,
                f"The ticket shows {_entries(held_back)}, and the service does not.",
                "The service lost it or holds it back. Ask whoever runs the service, and keep a copy of the ticket.",
            )
        )
    return tuple(findings)


def _links(texts: Sequence[str], incident: IncidentId, roster: Roster) -> dict[CommentId, set[Link]]:
    links: dict[CommentId, set[Link]] = {}
    blocks = (comment for text in texts for comment in find_comments(text))
    for comment in blocks:
        sealed = arrange(
            [comment],
            incident=incident,
            service_keys={key.id: key.public for key in roster.service_keys},
        ).sealed
        for one in sealed:
            links.setdefault(one.id, set()).add(one.link)
    return links


def _entries(numbers: set[int]) -> str:
    shown = ", ".join(str(number) for number in sorted(numbers))
    return f"entry {shown}" if len(numbers) == 1 else f"entries {shown}"

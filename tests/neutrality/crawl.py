"""Everything that one account can fetch from a stand-in, with what is random in it named instead of shown.

Every address that answers a GET is asked, found in the stand-in's own table of addresses, so that whatever it learns
later is asked too; and besides the searches that take a question.
"""

from __future__ import annotations

import base64
import re
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from sandbox.playground import BOT, OWNER, PROJECT, TEAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from sandbox.playground import Playground
    from sandbox.rehearsal import HostName
    from tests.neutrality.conftest import Place

_RANDOM = (
    (re.compile(r"inc[_-][a-z2-7]{26}"), "<incident>"),
    (re.compile(r"(CoC-(?:Seal|Write): )[A-Za-z0-9_-]{86}"), r"\1<signature>"),
    (re.compile(r"(prev=)[A-Za-z0-9_-]{43}"), r"\1<link>"),
    (re.compile(r"(CoC-Epoch: [0-9]+ )age1[a-z0-9]{58} ssh-ed25519 [A-Za-z0-9+/=]+"), r"\1<keys>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r'"duration":\s*[0-9.]+'), '"duration":0'),
    (re.compile(r"127\.0\.0\.1:[0-9]+"), "localhost"),
    (re.compile(r'"used":\s*[0-9]+|"remaining":\s*[0-9]+|"reset":\s*[0-9]+'), '"limit":0'),
)
_ARMOUR = re.compile(
    r"-----BEGIN AGE ENCRYPTED FILE-----((?:[A-Za-z0-9+/=\s]|\\n|\\r)*)-----END AGE ENCRYPTED FILE-----"
)


def told(text: str, names: list[str]) -> str:
    """A text with what is random in it named: code names, ids, keys, signatures; of an age file its size class."""
    for name in names:
        text = text.replace(name, "<code name>")
    for pattern, name in _RANDOM:
        text = pattern.sub(name, text)
    return _ARMOUR.sub(lambda found: f"<age file {_seen_of(found[1])}>", text)


def _seen_of(armour: str) -> str:
    """What anybody can see of an age file: for how many recipients it is, and its class of sizes, as a power of two.

    What is sealed is padded to one; with it come a few hundred bytes, some of them random, that never lead to the next.
    """
    coded = re.sub(r"\\[nr]|\s", "", armour)
    age = base64.b64decode(coded)
    return f"for {age.count(b'-> X25519 ')}, 2^{len(age).bit_length() - 1} bytes"


def everything(world: Playground, host: HostName, who: str, place: Place) -> dict[str, str]:
    """Every answer to an account, by address: status and text."""
    app = world.github.app if host == "github" else world.jira.app
    headers = _headers(world, host, who)
    client = app.test_client()
    found = {}
    for address in sorted({*_addresses(app, host, place), *_questions(host, place)}):
        asked = address + (
            f"{'&' if '?' in address else '?'}as={_account(host, who)}" if _is_page(address) else ""
        )
        answer = client.get(asked, headers=headers)
        found[address] = f"{answer.status_code} {told(answer.get_data(as_text=True), place.names)}"
    if host == "github":
        answer = client.post("/graphql", json={"query": _GRAPHQL}, headers=headers)
        found["/graphql"] = f"{answer.status_code} {told(answer.get_data(as_text=True), place.names)}"
    return found


def fetch(world: Playground, host: HostName, who: str, address: str) -> Any:  # noqa: ANN401 - JSON
    """What stands at one address for an account, as it is."""
    app = world.github.app if host == "github" else world.jira.app
    return app.test_client().get(address, headers=_headers(world, host, who)).json


def _addresses(app: Flask, host: HostName, place: Place) -> Iterator[str]:
    values = place.values(host)
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.endpoint == "static":
            continue
        names = sorted(rule.arguments)
        for chosen in product(*(values.get(name, ("1",)) for name in names)):
            path = rule.rule
            for name, value in zip(names, chosen, strict=True):
                path = re.sub(rf"<(?:[^<>]*:)?{name}>", value, path)
            yield path


def _questions(host: HostName, place: Place) -> Iterator[str]:
    if host == "github":
        for state in ("all", "open", "closed"):
            yield f"{place.home}/issues?state={state}&per_page=100"
        yield f"{place.home}/issues?state=all&labels=coc&per_page=100"
        yield "/search/issues?q=coc"
        return
    for jql in (f"project={PROJECT}", "labels=coc", "text ~ olivia", "created > -1d"):
        for fields in ("*all", "summary"):
            yield f"/rest/api/3/search/jql?jql={jql}&fields={fields}&maxResults=100"
    for key in place.keys:
        yield f"/rest/api/3/issue/{key}?fields=*all&properties=*all&expand=changelog,renderedFields,names"
        yield f"/rest/api/3/issue/{key}/comment?maxResults=100&expand=properties"
        yield f"/rest/api/3/user/viewissue/search?issueKey={key}&query=a"
    yield f"/rest/api/3/mypermissions?projectKey={PROJECT}&permissions=BROWSE_PROJECTS,ADMINISTER,ADD_COMMENTS"


def _is_page(address: str) -> bool:
    return address.startswith("/browse") or (
        "/issues" in address and not address.startswith(("/re", "/or", "/se"))
    )


def _account(host: HostName, who: str) -> str:
    return f"acc-{who}" if host == "jira" else who


def _headers(world: Playground, host: HostName, who: str) -> dict[str, str]:
    if host == "github":
        return {"Authorization": f"Bearer {world.token(who)}"}
    basic = base64.b64encode(f"{who}@team.example:{world.token(who)}".encode()).decode()
    return {"Authorization": f"Basic {basic}"}


PEOPLE: Final = (*TEAM, OWNER, BOT)

_GRAPHQL: Final = """
{ viewer { login } repository(owner: "govdocs", name: "conduct") { nameWithOwner isPrivate viewerPermission
  labels(first: 100) { totalCount nodes { name description } }
  issues(first: 100) { totalCount nodes { number title body state stateReason author { login } createdAt updatedAt
    labels(first: 20) { nodes { name } } subIssuesSummary { total completed } parent { number }
    comments(first: 50) { totalCount nodes { body author { login } createdAt lastEditedAt } } } } } }
"""

"""Whatever comes with GitHub's signature is read or said to be unreadable, and none of its words are repeated."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.errors import UnreadableSubmission
from integration.host_events import HostEvent
from tests.github_host.events import API, CANARY, OURS, WREN, example, of_issue, reader, signed, told

if TYPE_CHECKING:
    from pathlib import Path

EVENTS = [
    "issues",
    "issue_comment",
    "sub_issues",
    "repository",
    "public",
    "member",
    "team_add",
    "meta",
    "team",
    "membership",
    "organization",
    "installation",
    "installation_repositories",
    "installation_target",
    "ping",
    "unheard_of",
]
NAMES = [
    "action",
    "issue",
    "parent_issue",
    "repository",
    "sender",
    "number",
    "login",
    "full_name",
    "id",
    "organization",
    "installation",
    "account",
    "changes",
    "body",
    "repository_url",
    "parent_issue_url",
    "pull_request",
    "repositories_added",
    "repository_selection",
    "from",
    "owner",
    "user",
    "name",
]
ATOMS = (
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["acme/conduct", "acme", f"{API}/acme/conduct", f"{API}/acme/conduct/issues/17", "all", "\ud800"])
)  # fmt: skip
ANYTHING = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, ANYTHING)) | st.builds(
    lambda change: {**of_issue(), **change}, st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=2)
)


@given(st.sampled_from(EVENTS), NEARLY | ANYTHING)
def test_no_payload_makes_it_fail_otherwise(event: str, payload: object) -> None:
    with suppress(UnreadableSubmission):
        found = told(event, payload)
        assert found is None or isinstance(found, HostEvent)


@given(
    st.binary(max_size=200)
    | st.sampled_from([b"[" * 100_000, b"1" * 5000, b"null", b"payload=%7B%7D", b"\xff"])
)
def test_what_is_no_object_is_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableSubmission):
        reader().read(signed("issues", raw), raw)


@pytest.mark.parametrize("header", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", ["", "no such\nthing", "x" * 500])
def test_without_an_event_or_a_delivery_it_is_unreadable(header: str, value: str) -> None:
    raw = json.dumps(of_issue()).encode()
    headers = {**signed("issues", raw), header: value}
    if header == "X-GitHub-Event" and value:
        assert reader().read(headers, raw) is None
        return
    with pytest.raises(UnreadableSubmission):
        reader().read(headers, raw)


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "edited", "issue": {"number": 17}, "sender": WREN},
        {"action": "edited", "issue": CANARY, "repository": OURS, "sender": WREN},
        of_issue(number="17"), of_issue(number=True), of_issue(number=0), of_issue(sender={"login": CANARY + "@"}),
        of_issue(repository={"full_name": CANARY}), of_issue(sender=CANARY),
    ],
)  # fmt: skip
def test_an_undocumented_shape_is_named_without_its_words(payload: dict[str, Any]) -> None:
    with pytest.raises(UnreadableSubmission) as refused:
        told("issues", payload)
    assert CANARY not in str(refused.value) + repr(refused.value)
    assert refused.value.__cause__ is None


def test_every_documented_payload_is_read(reference: Path) -> None:
    """Made from each schema of GitHub's description, with all properties and with the required ones only."""
    document = json.loads((reference / "contracts" / "github-rest.openapi.json").read_bytes())
    schemas = document["components"]["schemas"]
    read: dict[str, int] = {}
    for entry in document["x-webhooks"].values():
        operation = entry["post"]
        event = next(
            one["example"] for one in operation["parameters"] if one["name"].casefold() == "x-github-event"
        )
        content = operation["requestBody"]["content"]
        for whole in (True, False):
            payload = example(next(iter(content.values()))["schema"], schemas, whole=whole, depth=0)
            assert isinstance(payload, dict)
            if isinstance(payload.get("repository"), dict):
                payload["repository"].update(OURS)
            if isinstance(payload.get("organization"), dict):
                payload["organization"]["login"] = "acme"
            read[event] = read.get(event, 0) + (told(event, payload) is not None)
    for event in ("issues", "issue_comment", "sub_issues", "repository", "public", "member", "team_add", "team",
                  "membership", "organization", "meta"):  # fmt: skip
        assert read[event] > 0, event
    assert read["push"] == read["star"] == 0

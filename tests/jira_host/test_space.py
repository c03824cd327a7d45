from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from integration.errors import ConfigError
from integration.jira.client import JiraClient
from integration.jira.host import JiraHost

if TYPE_CHECKING:
    from integration.jira.space import JiraSpace


@pytest.mark.parametrize(
    "site",
    [
        "http://acme.atlassian.net",
        "http://10.0.0.8",
        "http://localhost.acme.example",
        "acme.atlassian.net",
        "ftp://acme.atlassian.net",
        "https://",
        "https://bot:secret@acme.atlassian.net",
        "https://acme.atlassian.net/jira/software",
        "https://acme.atlassian.net?x=1",
        "https://acme.atlassian.net:port",
        "https://[acme",
        "",
    ],
)
def test_an_address_that_could_send_the_token_elsewhere_is_refused(site: str, space: JiraSpace) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(space, site=site)
    assert "site must" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "site",
    [
        "https://acme.atlassian.net",
        "https://acme.atlassian.net/",
        "http://127.0.0.1:8123",
        "http://[::1]:8123",
        "http://localhost:8123",
    ],
)
def test_https_and_loopback_are_taken(site: str, space: JiraSpace) -> None:
    assert site.rstrip("/") == replace(space, site=site).address


def test_a_stand_in_has_its_port_in_the_hosts_name(space: JiraSpace) -> None:
    assert "127.0.0.1:8123" == replace(space, site="http://127.0.0.1:8123").host


def test_all_mistakes_are_listed_at_once(space: JiraSpace) -> None:
    wrong: dict[str, Any] = {
        "site": "acme",
        "project": 'COC" OR project = "X',
        "email": "somebody",
        "issue_type_id": "Task",
        "subtask_type_id": "",
        "security_level_id": "-1",
        "browse_roles": frozenset({"Administrators"}),
        "comment_role": " ",
        "fields": replace(space.fields, risk="Risk"),
    }
    with pytest.raises(ConfigError) as caught:
        replace(space, **wrong)
    assert len(wrong) == len(caught.value.mistakes)


def test_somebody_must_be_named_who_may_browse(space: JiraSpace) -> None:
    with pytest.raises(ConfigError):
        replace(space, browse_roles=frozenset(), browse_groups=frozenset())


@pytest.mark.parametrize(
    "token", ["", "tOkEn\u201993d1c0f7", "tOkEn93d1c0f7\n", "tOkEn 93d1c0f7", "tOkEn\x0093d1c0f7"]
)
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(token: str, space: JiraSpace) -> None:
    """The library would fail deep inside, with the token in the exception's arguments."""
    with pytest.raises(ConfigError) as caught:
        JiraHost(space, token=token)
    assert "93d1c0f7" not in repr(caught.value) + repr(caught.value.args) + str(caught.value)


def test_neither_host_nor_client_print_the_token(space: JiraSpace) -> None:
    for thing in (JiraHost(space, token="tOkEn93d1c0f7"), JiraClient(space, token="tOkEn93d1c0f7")):
        assert "tOkEn" not in repr(thing) + str(thing) + f"{thing}"

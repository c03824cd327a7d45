"""A proxy and certificates of the environment are used, and asked for once."""

from __future__ import annotations

import pytest
import requests
from github import Auth

from integration.github.connection import Line
from integration.incident import SpaceName
from integration.jira.client import JiraClient
from integration.jira.space import JiraLogin
from integration.session_settings import settle_environment


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ours.pem")


def used(session: requests.Session, url: str) -> tuple[str | None, object]:
    """The proxy and the certificates of a request."""
    found = session.merge_environment_settings(url, {}, None, None, None)
    return found["proxies"].get("https"), found["verify"]


def test_a_proxy_and_certificates_are_kept_from_the_first_moment_on(monkeypatch: pytest.MonkeyPatch) -> None:
    session = requests.Session()
    assert "/etc/ours.pem" == settle_environment(session, "https://api.github.com")

    monkeypatch.setenv("HTTPS_PROXY", "http://another.example:3128")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    assert ("http://proxy.example:3128", "/etc/ours.pem") == used(session, "https://api.github.com/user")


def test_no_proxy_is_used_for_an_address_that_needs_none() -> None:
    session = requests.Session()
    settle_environment(session, "https://jira.inside.example")

    assert (None, "/etc/ours.pem") == used(session, "https://jira.inside.example/rest/api/3/myself")


def test_without_a_setting_certificates_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")

    assert settle_environment(requests.Session(), "https://api.github.com") is True


def test_both_hosts_go_through_the_proxy_and_look_into_the_environment_no_more() -> None:
    line = Line("https://api.github.com", Auth.Token("t"))
    login = JiraLogin(SpaceName("jira"), "https://site.atlassian.net", "COC", "bot@team.example")
    library = JiraClient(login, token="t")._library()

    sessions = [line._reads.session, line._writes.session, library._session]

    assert [False] * 3 == [session.trust_env for session in sessions]
    expected = ("http://proxy.example:3128", "/etc/ours.pem")
    assert [expected] * 3 == [used(session, "https://api.github.com") for session in sessions]
    assert ["/etc/ours.pem"] * 2 == [line._reads.verify, line._writes.verify], "PyGithub passes its own along"

"""One thread's way to GitHub: PyGithub's requester, on connections that never follow and never repeat a write.

PyGithub is used for authentication, headers, addresses and JSON. Its objects are not: they follow a
transferred issue into another repository, return an issue without a number after a redirect, and lose
writes when threads share them.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from github import Github
from github.Requester import HTTPRequestsConnectionClass, HTTPSRequestsConnectionClass
from urllib3.util import Retry

from integration.github.answers import Answer, Deed, Json, Later, Redirected, no_answer
from integration.session_settings import settle_environment

if TYPE_CHECKING:
    from github.Auth import Auth
    from github.Requester import RequestsResponse

    from integration.errors import HostError

PAGE = 100
_API_VERSION = "2022-11-28"
_TIMEOUT = 12  # seconds to connect, and between two pieces of an answer

# Reads are repeated twice when GitHub has trouble of its own. A limit is never waited for in here: PyGithub's
# GithubRetry and urllib3 would sleep for as long as a header says, up to an hour, in the calling thread.
_READ_AGAIN = Retry(
    total=2,
    redirect=0,
    allowed_methods={"GET", "HEAD"},
    status_forcelist={500, 502, 503, 504},
    backoff_factor=0.1,
    respect_retry_after_header=False,
    raise_on_status=False,
)


class _Https(HTTPSRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _at_this_address(super().getresponse())


class _Http(HTTPRequestsConnectionClass):
    def getresponse(self) -> RequestsResponse:
        return _at_this_address(super().getresponse())


def _at_this_address(response: RequestsResponse) -> RequestsResponse:
    """Stop before PyGithub follows a 301 with whatever we sent, or polls after a 202."""
    if 300 <= response.status < 400:  # noqa: PLR2004 - HTTP status codes
        raise Redirected
    if response.status == 202:  # noqa: PLR2004 - HTTP status code
        raise Later
    return response


class _NoBodies(logging.Filter):
    """PyGithub logs whole bodies at DEBUG; whatever level a deployment sets, that is not written."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_NO_BODIES = _NoBodies()


def quiet_libraries() -> None:
    """Keep requests, answers and addresses of GitHub out of the logs."""
    for name in ("github", "github.Requester", "github.GithubRetry", "urllib3", "urllib3.connectionpool"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(_NO_BODIES)


class Line:
    """PyGithub with our settings, a connection for reads and one for writes. For one thread only."""

    def __init__(self, base_url: str, auth: Auth) -> None:
        self._requester = Github(
            auth=auth,
            base_url=base_url,
            timeout=_TIMEOUT,
            user_agent="coc-mirror",
            per_page=PAGE,
            retry=_READ_AGAIN,
            lazy=True,
            api_version=_API_VERSION,
            seconds_between_requests=0,
            seconds_between_writes=0,
        ).requester
        address = urlsplit(base_url)
        kind = _Https if address.scheme == "https" else _Http
        host = address.hostname or ""
        self._reads = kind(host, address.port, timeout=_TIMEOUT, retry=_READ_AGAIN)
        self._writes = kind(host, address.port, timeout=_TIMEOUT, retry=0)
        for way in (self._reads, self._writes):
            way.verify = settle_environment(way.session, base_url)

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is asked."""
        return self._requester.graphql_url

    def ask(
        self,
        verb: str,
        path: str,
        deed: Deed,
        parameters: dict[str, str | int] | None,
        body: Json | None,
    ) -> Answer | HostError:
        """One request. What the libraries raise may quote it and its answer, so nothing of that goes on."""
        connection = self._writes if deed.changes else self._reads
        headers = {"Accept": "application/vnd.github+json"}
        try:
            status, answered, text = self._requester.requestJson(
                verb, path, parameters=dict(parameters or {}), headers=headers, input=body, cnx=connection
            )
        except Later as error:
            return Answer(202, {}, "{}") if deed.later else no_answer(error, deed)
        except Exception as error:  # noqa: BLE001 - PyGithub raises bare AssertionError, TypeError and more
            return no_answer(error, deed)
        return Answer(status, {name.lower(): str(value) for name, value in answered.items()}, text)

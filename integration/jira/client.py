"""The calls to one Jira site. What its answers mean is in :mod:`integration.jira.answers`.

The ``jira`` library keeps address, credential and session; the calls go through its session, because
its own methods cannot send properties, put the whole answer into their exceptions and (with retries on)
write twice. Nothing of an answer but numbers, our own field names and what a caller reads on purpose
leaves this module.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import requests
from jira import JIRA
from urllib3.exceptions import HTTPError as Urllib3Error

from integration.errors import ConfigError, HostError, HostGone
from integration.jira.answers import named, no_answer, no_connection, refusal, signed_out, unreadable
from integration.jira.turns import Turns
from integration.ports import Unlimited
from integration.session_settings import settle_environment
from integration.text import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from integration.jira.answers import Intent
    from integration.jira.fields import Json
    from integration.jira.space import JiraLogin, JiraSpace
    from integration.ports import Budget

CONNECT_SECONDS = 3.05
ANSWER_SECONDS = 20
_CLOUD_VERSION = (1001, 0, 0)
_LISTED = "listed"
"""Where an answer that is a list is kept, so that every answer is an object."""


class _NotOk(Exception):
    """Carries an answer that is not 2xx past the library, whose own reading of it fails on odd bodies."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.answer = answer


class _NoBodies(logging.Filter):
    """At DEBUG the libraries log bodies and addresses; whatever level a deployment sets, that is not written."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


_NO_BODIES = _NoBodies()


class JiraClient:
    """Calls to one Jira site: one library client for each thread, never a retry, never a redirect followed.

    Args:
        space: which site.
        token: the API token of the service's account.
        budget: what may be written to Jira; without one there is no limit, which is for tests.
        sleep: how to wait for our turn.

    Raises:
        ConfigError: the token cannot be sent.
    """

    def __init__(
        self,
        space: JiraSpace | JiraLogin,
        *,
        token: str,
        budget: Budget | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not token or not is_plain(token):
            raise ConfigError(
                f"The token of the Jira space {space.name!r}",
                ["it must be one line of printable ASCII characters without spaces"],
            )
        self._space = space
        self._token = token
        self._names = space.our_names()
        self.turns = Turns(space.host, budget=budget or Unlimited(), sleep=sleep)
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"JiraClient({self._space.name!r})"

    def read(self, path: str, *, what: str, query: Mapping[str, str | int] | None = None) -> Json:
        """GET ``/rest/api/3/<path>``; the answer as a JSON object.

        Args:
            path: below the API's root.
            what: our words for the call, for the error's sentence: "read the ticket".
            query: its parameters.

        Raises:
            HostError: as its subclasses say.
        """
        return self._call("GET", path, what, "read", query=query)

    def read_list(self, path: str, *, what: str, query: Mapping[str, str | int] | None = None) -> list[Json]:
        """GET something that Jira answers with a list of JSON objects."""
        outcome = self._exchange("GET", path, what, "read", query, None, listed=True)
        if isinstance(outcome, HostError):
            raise self.turns.heard(outcome)
        return self.objects(outcome.get(_LISTED), what)

    def read_by_post(self, path: str, payload: Json, *, what: str) -> Json:
        """POST to a call of Jira that only reads."""
        return self._call("POST", path, what, "read", payload=payload)

    def write(
        self, path: str, payload: Json, *, what: str, ticket: str | None = None, writes: int = 1
    ) -> Json:
        """POST once; the answer as a JSON object.

        Args:
            path: below the API's root.
            payload: what to send.
            what: our words for the call.
            ticket: the id of the ticket that is written to; ``None`` if it is made by this.
            writes: how many writes to it Jira may count.

        Raises:
            BudgetSpent: it is not our turn; nothing was sent.
            HostUnknownOutcome: whenever Jira may have acted and did not say so in full.
            HostError: as its other subclasses say.
        """
        self.turns.take(ticket, writes)
        return self._call("POST", path, what, "write", payload=payload)

    def upload(self, path: str, name: str, content: bytes, *, what: str, ticket: str) -> list[Json]:
        """POST a file once, as multipart; the answer as a list of JSON objects.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-attachments/

        Raises:
            HostUnknownOutcome: whenever Jira may have acted and did not say so in full.
            HostError: as its other subclasses say.
        """
        file = (name, content, "application/octet-stream")
        self.turns.take(ticket)
        outcome = self._exchange("POST", path, what, "write", None, None, file=file)
        if isinstance(outcome, HostError):
            raise self.turns.heard(outcome)
        return self.objects(outcome.get(_LISTED), what, "write")

    def put(
        self,
        path: str,
        payload: Json,
        *,
        what: str,
        ticket: str | None,
        query: Mapping[str, str | int] | None = None,
    ) -> None:
        """PUT once; Jira answers without a body, or with a JSON object.

        Raises:
            HostUnknownOutcome: whenever Jira may have acted and did not say so, as where a proxy answered with a page.
            HostError: as its other subclasses say.
        """
        self.turns.take(ticket)
        self._call("PUT", path, what, "write", payload=payload, query=query)

    def delete(
        self,
        path: str,
        *,
        what: str,
        ticket: str | None = None,
        just_before: Callable[[], object] = lambda: None,
    ) -> None:
        """DELETE once; Jira answers 204, without a body. What is not there any more counts as deleted.

        ``ticket`` is the one that it belongs to, if it is of a ticket. ``just_before`` is called when it is our turn;
        whatever it raises, nothing is sent.

        Raises:
            HostUnknownOutcome: whenever Jira may have acted and did not say so, as where a proxy answered with a page.
            HostError: as its other subclasses say.
        """
        self.turns.take(ticket)
        try:
            just_before()
            self._call("DELETE", path, what, "write")
        except HostGone:
            return

    def complaints(self, body: Json) -> tuple[str, ...]:
        """Our names of the fields that the errors of a bulk answer are about."""
        return named(body, self._names)

    def unreadable(self, what: str, intent: Intent = "read") -> HostError:
        """The error for an answer of success that does not say what Jira's description promises."""
        return unreadable(what, intent)

    def objects(self, value: object, what: str, intent: Intent = "read") -> list[Json]:
        """A list of JSON objects in an answer.

        Raises:
            HostUnavailable: it is something else, in an answer to a read.
            HostUnknownOutcome: the same, in an answer to a write.
        """
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise unreadable(what, intent)
        return value

    def _call(
        self,
        method: str,
        path: str,
        what: str,
        intent: Intent,
        *,
        query: Mapping[str, str | int] | None = None,
        payload: Json | None = None,
    ) -> Json:
        # The error is raised here and not where the answer is at hand, so that neither its context nor
        # the frames of its traceback hold anything of the answer or of the credential.
        outcome = self._exchange(method, path, what, intent, query, payload)
        if isinstance(outcome, HostError):
            raise self.turns.heard(outcome)
        return outcome

    def _exchange(
        self,
        method: str,
        path: str,
        what: str,
        intent: Intent,
        query: Mapping[str, str | int] | None,
        payload: Json | None,
        *,
        file: tuple[str, bytes, str] | None = None,
        listed: bool = False,
    ) -> Json | HostError:
        # A path with a slash in front is one of the site's, beside the API that has a version.
        url = f"{self._space.address}{path if path.startswith('/') else f'/rest/api/3/{path}'}"
        try:
            answer = self._library()._session.request(  # noqa: SLF001 - the library's methods cannot send properties
                method, url, params=query, json=payload, allow_redirects=False, **_multipart(file)
            )
            if _is_done(method, answer):
                return {}
            value = None if method == "DELETE" else json.loads(answer.content, parse_constant=_no_constant)
            if listed or file is not None:
                value = {_LISTED: value}
            return value if isinstance(value, dict) else unreadable(what, intent)
        except _NotOk as not_ok:
            return refusal(not_ok.answer, what, intent, self._names)
        except requests.ConnectionError as error:
            return no_connection(error, what, intent)
        except (OSError, Urllib3Error):  # every other error of requests is an OSError
            return no_answer(what, intent)
        except (ValueError, RecursionError):
            return unreadable(what, intent)

    def _library(self) -> JIRA:
        """This thread's library client. It is not told to ask the site for its version: we know it is Cloud."""
        known = getattr(self._local, "library", None)
        if isinstance(known, JIRA):
            return known
        library = JIRA(
            self._space.address,
            options={"rest_api_version": "3", "check_update": False},
            basic_auth=(self._space.email, self._token),
            get_server_info=False,
            logging=False,
            max_retries=0,
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
        )
        library.deploymentType = "Cloud"
        library._version = _CLOUD_VERSION  # noqa: SLF001 - without it the library's Cloud methods answer None in silence
        settle_environment(library._session, self._space.address)  # noqa: SLF001 - as above
        library._session.hooks["response"].append(_divert)  # noqa: SLF001 - before the library reads an error's body
        for name in ("jira", "jira.resilientsession", "urllib3", "urllib3.connectionpool"):
            logger = logging.getLogger(name)
            logger.setLevel(logging.WARNING)
            logger.addFilter(_NO_BODIES)
        self._local.library = library
        return library


def _no_constant(_said: str) -> None:
    """Python reads ``Infinity`` and ``NaN``, which are no JSON."""
    raise ValueError


def _is_done(method: str, answer: requests.Response) -> bool:
    """Whether an answer says without a body that it was done. A proxy's sign-in page is a success with a body.

    Jira answers a property that was set with 200 or 201 and nothing else.
    """
    return not answer.content and (answer.status_code == HTTPStatus.NO_CONTENT or method == "PUT")


def _multipart(file: tuple[str, bytes, str] | None) -> dict[str, Any]:
    """A file for the session. It sends JSON unless told otherwise, and Jira wants a header no browser sends by itself."""
    if file is None:
        return {}
    return {"files": {"file": file}, "headers": {"Content-Type": None, "X-Atlassian-Token": "no-check"}}


def _divert(answer: requests.Response, *_args: object, **_kwargs: object) -> None:
    succeeded = HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES
    if not succeeded or signed_out(answer.headers):
        raise _NotOk(answer)

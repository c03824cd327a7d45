"""What the GitHub host asks of GitHub: objects, lists, GraphQL, one write at a time.

Every request passes :meth:`Client._exchange`, and everything that can go wrong becomes a HostError in
:mod:`integration.github.answers`.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from github import Auth

from integration.errors import ConfigError, HostError
from integration.github.answers import Answer, Deed, Json, graphql_data, refusal, unusable
from integration.github.connection import PAGE, Line, quiet_libraries
from integration.github.credential import (
    RIGHTS,
    AppCredential,
    AppJwt,
    InstallationAuth,
    InstallationToken,
    TokenCredential,
    read_installation_token,
)
from integration.github.turns import WRITE_PAUSE, Turns
from integration.ports import Unlimited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from integration.ports import Budget

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Client:
    """GitHub as one repository's mirror needs it. Safe to use from several threads.

    Args:
        base_url: the API's address; ``http`` only on loopback, because the token travels with each request.
        owner: the repository's owner.
        repository: its name.
        credential: who we are.
        budget: what may be written to GitHub; without one there is no limit, which is for tests.
        pause: seconds between two writes; none on loopback unless said otherwise.
        sleep: how to wait.

    Raises:
        ConfigError: the address is not one that a token may be sent to.
    """

    def __init__(
        self,
        *,
        base_url: str,
        owner: str,
        repository: str,
        credential: AppCredential | TokenCredential,
        budget: Budget | None = None,
        pause: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        quiet_libraries()
        address = urlsplit(base_url)
        loopback = address.hostname in _LOOPBACK
        if address.scheme != "https" and not (address.scheme == "http" and loopback):
            raise ConfigError(
                "The GitHub host",
                ["base_url must begin with https:// (http:// only on this machine's loopback)"],
            )
        self._base_url = base_url.rstrip("/")
        self._repository = repository
        self.where = f"{owner}/{repository}"
        self.path = f"/repos/{owner}/{repository}"
        self._credential = credential
        self.turns = Turns(
            f"github:{address.netloc}/{owner.casefold()}",
            budget=budget or Unlimited(),
            pause=(0.0 if loopback else WRITE_PAUSE) if pause is None else pause,
            sleep=sleep,
        )
        self._threads = threading.local()
        self._auth: Auth.Auth = (
            Auth.Token(credential.token)
            if isinstance(credential, TokenCredential)
            else InstallationAuth(self._ask_for_token)
        )

    # Reading ----------------------------------------------------------------------------------------

    def get(self, path: str, what: str, **parameters: str | int) -> object:
        """What stands at a path, parsed."""
        return self._get(path, what, parameters)[0]

    def _get(self, path: str, what: str, parameters: dict[str, str | int]) -> tuple[object, bool]:
        """What stands at a path, and whether GitHub says that another page follows."""
        deed = Deed(what, self.where)
        answer = self._send("GET", path, deed, parameters=parameters)
        found = answer.json()
        if found is None:
            raise unusable(deed)
        return found, 'rel="next"' in answer.headers.get("link", "")

    def get_page(
        self, path: str, what: str, parameters: dict[str, str | int], *, as_app: bool
    ) -> tuple[list[Json], str]:
        """One page of a list that has cursors, and GitHub's Link header; asked as the App itself, if wanted."""
        deed = Deed(what, self.where)
        ask = self._as_app if as_app else self._send
        answer = ask("GET", path, deed, parameters=parameters)
        found = answer.json()
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise unusable(deed)
        return found, answer.headers.get("link", "")

    def get_object(self, path: str, what: str) -> Json:
        """The one object at a path."""
        found = self.get(path, what)
        if not isinstance(found, dict):
            raise unusable(Deed(what, self.where))
        return found

    def get_list(self, path: str, what: str, **parameters: str | int) -> Iterator[Json]:
        """All objects of a list, page by page; a page is read when its first object is wanted.

        Pages are counted by us: addresses in GitHub's Link header are not followed. A page may be shorter
        than we asked for and not be the last, so that the list ends where GitHub names no next page.
        https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
        """
        page, before = 1, None
        asked = {"per_page": PAGE, **parameters}
        while True:
            found, more = self._get(path, what, {**asked, "page": page})
            if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
                raise unusable(Deed(what, self.where))
            if found and found == before:  # pages are not counted there, and this would go on for ever
                raise unusable(Deed(what, self.where))
            yield from found
            if not found or (not more and len(found) < int(asked["per_page"])):
                return
            page, before = page + 1, found

    def ask_for(self, path: str, what: str, *, as_app: bool) -> None:
        """Have GitHub do something later that changes nothing of a ticket: exactly one request, answered with 202."""
        deed = Deed(what, self.where, changes=True, later=True)
        (self._as_app if as_app else self._send)("POST", path, deed)

    def query(self, document: str, variables: Json, what: str) -> Json:
        """The data of a GraphQL query.

        Raises:
            GraphQLRefused: GitHub would not answer it, or not wholly; ask by REST.
        """
        return self._graphql(document, variables, Deed(what, self.where))

    # Writing ----------------------------------------------------------------------------------------

    def write(
        self,
        verb: str,
        path: str,
        body: Json | None,
        what: str,
        *,
        just_before: Callable[[], None] | None = None,
    ) -> Json:
        """One change by REST: exactly one request. An answer without content is an empty object.

        ``just_before`` is called when it is our turn to write, which may be seconds later; if it raises, nothing is sent.
        """
        deed = Deed(what, self.where, changes=True)
        answer = self._send(verb, path, deed, body=body, just_before=just_before)
        if answer.status == 204:  # noqa: PLR2004 - HTTP status code
            return {}
        found = answer.json()
        if not isinstance(found, dict):
            raise unusable(deed)
        return found

    def mutate(self, document: str, variables: Json, what: str, *, writes: int) -> Json:
        """The data of a GraphQL mutation that makes so many things: exactly one request.

        Raises:
            GraphQLRefused: GitHub executed none of it.
            HostUnknownOutcome: it executed a part, or nobody knows.
        """
        return self._graphql(document, variables, Deed(what, self.where, changes=True), writes)

    # Who we are -------------------------------------------------------------------------------------

    def own_login(self) -> str:
        """The login under which our writes appear: the token's user, or ``<slug>[bot]``."""
        deed = Deed("say who we are", self.where)
        if isinstance(self._credential, TokenCredential):
            path, name, ending = "/user", "login", ""
            answer = self._send("GET", path, deed)
        else:
            path, name, ending = "/app", "slug", "[bot]"
            answer = self._as_app("GET", path, deed)
        found = answer.json()
        login = found.get(name) if isinstance(found, dict) else None
        if not isinstance(login, str) or not login:
            raise unusable(deed)
        return login + ending

    def get_as_app(self, path: str, what: str) -> Json:
        """The object at a path, asked with the App's own signed token: about the App itself and its installations."""
        deed = Deed(what, self.where)
        found = self._as_app("GET", path, deed).json()
        if not isinstance(found, dict):
            raise unusable(deed)
        return found

    @property
    def is_app(self) -> bool:
        """Whether we are an App; an App is never in a list of collaborators."""
        return isinstance(self._credential, AppCredential)

    def _ask_for_token(self) -> InstallationToken:
        """A token of the App's installation for this repository alone.

        https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
        """
        deed = Deed("ask for the App's token", self.where)
        credential = self._credential
        installation = credential.installation_id if isinstance(credential, AppCredential) else None
        if installation is None:
            found = self._as_app("GET", f"{self.path}/installation", deed).json()
            installation = found.get("id") if isinstance(found, dict) else None
        if not isinstance(installation, int):
            raise unusable(deed)
        body: Json = {"repositories": [self._repository], "permissions": RIGHTS}
        answer = self._as_app("POST", f"/app/installations/{installation}/access_tokens", deed, body=body)
        token = read_installation_token(answer.json())
        if token is None:
            raise unusable(deed)
        return token

    # The one way out --------------------------------------------------------------------------------

    def _graphql(self, document: str, variables: Json, deed: Deed, writes: int = 1) -> Json:
        body: Json = {"query": document, "variables": variables}
        line = self._line()
        data = graphql_data(self._exchange(line, "POST", line.graphql_url, deed, None, body, writes), deed)
        if isinstance(data, HostError):
            raise self._heard(data)
        self._went_well(deed)
        return data

    def _send(
        self,
        verb: str,
        path: str,
        deed: Deed,
        *,
        parameters: dict[str, str | int] | None = None,
        body: Json | None = None,
        just_before: Callable[[], None] | None = None,
    ) -> Answer:
        answer = self._exchange(self._line(), verb, path, deed, parameters, body, just_before=just_before)
        failure = refusal(answer, deed)
        if failure is not None:
            raise self._heard(failure)
        self._went_well(deed)
        return answer

    def _went_well(self, deed: Deed) -> None:
        if deed.changes:
            self.turns.went_well()

    def _heard(self, failure: HostError) -> HostError:
        """Where GitHub names a wait, everybody keeps it: going on can get an integration banned."""
        if failure.after is not None:
            self.turns.slow_down(failure.after)
        return failure

    def _as_app(
        self,
        verb: str,
        path: str,
        deed: Deed,
        *,
        parameters: dict[str, str | int] | None = None,
        body: Json | None = None,
    ) -> Answer:
        """Ask as the App itself. Making a token changes nothing in the repository, so it counts as a read."""
        if not isinstance(self._credential, AppCredential):
            raise TypeError("only an App has a key of its own")
        line = self._line("app_line", AppJwt(self._credential))
        answer = self._exchange(line, verb, path, deed, parameters, body)
        failure = refusal(answer, deed)
        if failure is not None:
            raise self._heard(failure)
        return answer

    def _exchange(
        self,
        line: Line,
        verb: str,
        path: str,
        deed: Deed,
        parameters: dict[str, str | int] | None,
        body: Json | None,
        writes: int = 1,
        just_before: Callable[[], None] | None = None,
    ) -> Answer:
        if deed.changes:
            self._have_token()
            with self.turns.turn(writes):
                if just_before is not None:
                    just_before()
                outcome = line.ask(verb, path, deed, parameters, body)
        else:
            outcome = line.ask(verb, path, deed, parameters, body)
        if isinstance(outcome, HostError):
            raise outcome
        if outcome.status == 401 and isinstance(self._auth, InstallationAuth):  # noqa: PLR2004 - HTTP status code
            self._auth.forget()
        return outcome

    def _have_token(self) -> None:
        """Have a token before a write's turn, so that a failure to get one spends no budget and holds up nobody's write."""
        _ = self._auth.token

    def _line(self, name: str = "line", auth: Auth.Auth | None = None) -> Line:
        """This thread's own way. Shared between threads, PyGithub loses writes and swaps answers."""
        line = getattr(self._threads, name, None)
        if not isinstance(line, Line):
            line = Line(self._base_url, auth or self._auth)
            setattr(self._threads, name, line)
        return line

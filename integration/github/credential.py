"""How we prove to GitHub who we are: as an App's installation, or with a user's token.

An installation token is asked for the one repository and for the two rights that mirroring needs, so
that a stolen token opens nothing else. PyGithub's own installation auth cannot say that.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from github import Auth

from integration.errors import ConfigError
from integration.text import is_plain

if TYPE_CHECKING:
    from collections.abc import Callable

RIGHTS = {"issues": "write", "metadata": "read"}
"""All that an installation token of ours may do."""

_RENEW = 300  # seconds before its end from which a token is not used any more
_NO_KEY = (
    "private_key_file does not name a whole RSA key in PEM; it may be cut off. Download a new one on the App's page and put "
    "the whole text into that file"
)
_SIGN_AGAIN = 60  # seconds; GitHub takes our JWT for five minutes


@dataclass(frozen=True, slots=True)
class AppCredential:
    """A GitHub App: its id (or client id), its private key as PEM, and its installation, looked up if not given."""

    app_id: str
    private_key: str = field(repr=False)
    installation_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse a key that signs nothing, before reports wait for it.

        Raises:
            ConfigError: it is not a usable RSA key in PEM.
        """
        _signed(self)


@dataclass(frozen=True, slots=True)
class TokenCredential:
    """A user's personal access token, best of an account that is used for nothing else."""

    token: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no header can carry: the request would never be sent, which looks like a network that is down.

        Raises:
            ConfigError: it is no token.
        """
        if not is_plain(self.token):
            raise ConfigError("The GitHub token", ["it must be one line of printable ASCII without spaces"])


@dataclass(frozen=True, slots=True)
class InstallationToken:
    """A token that GitHub gave an installation, and when it ends (seconds since 1970)."""

    token: str = field(repr=False)
    ends: float


class AppJwt(Auth.JWT):
    """Signs in as the App itself: only to find the installation and to ask for its token."""

    def __init__(self, credential: AppCredential) -> None:
        self._credential = credential
        self._signed = ""
        self._signed_at = 0.0

    @property
    def token(self) -> str:
        """A JWT, good for some minutes: signing takes much of a processor, and redelivery asks for many in a row."""
        if not self._signed or not 0 <= time.time() - self._signed_at < _SIGN_AGAIN:
            self._signed, self._signed_at = _signed(self._credential), time.time()
        return self._signed


def _signed(credential: AppCredential) -> str:
    with suppress(Exception):  # whatever the libraries raise may quote the key
        return Auth.AppAuth(credential.app_id, credential.private_key).create_jwt()
    raise ConfigError("The GitHub App's private key", [_NO_KEY])


class InstallationAuth(Auth.Auth):
    """The installation's token, asked for when needed and shared by all threads."""

    def __init__(self, ask: Callable[[], InstallationToken]) -> None:
        self._ask = ask
        self._current: InstallationToken | None = None
        self._lock = (
            threading.RLock()
        )  # GitHub may refuse us while we ask for a token, and forget() is called

    @property
    def token_type(self) -> str:
        """The word before the token in the Authorization header."""
        return "token"

    @property
    def token(self) -> str:
        """A token that is good for some minutes at least."""
        with self._lock:
            if self._current is None or self._current.ends - _RENEW < time.time():
                self._current = self._ask()
            return self._current.token

    def forget(self) -> None:
        """GitHub did not accept the token: ask for another one next time."""
        with self._lock:
            self._current = None


def read_installation_token(answer: object) -> InstallationToken | None:
    """The token in GitHub's answer, if it is one and opens no more than our one repository."""
    if not isinstance(answer, dict):
        return None
    token, ends = answer.get("token"), answer.get("expires_at")
    if not isinstance(token, str) or not token or not isinstance(ends, str):
        return None
    if answer.get("repository_selection") == "all":
        return None
    try:
        return InstallationToken(token, datetime.fromisoformat(ends).timestamp())
    except ValueError:
        return None

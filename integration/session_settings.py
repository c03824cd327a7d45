"""What a client's HTTP session takes from the environment: a proxy, and the certificates it trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests


def settle_environment(session: requests.Session, address: str) -> str | bool | None:
    """Read ``HTTPS_PROXY``, ``NO_PROXY`` and ``REQUESTS_CA_BUNDLE`` once, for the one address this session talks to.

    ``requests`` would go through the whole environment with each request, which took an eighth of the processor time of
    opening an incident. The environment of a process does not change. A netrc file is not looked into either.
    https://requests.readthedocs.io/en/latest/user/advanced/#proxies

    Returns:
        What the session verifies certificates with, for a library that passes that along with each request.
    """
    found = session.merge_environment_settings(address, {}, None, None, None)
    session.proxies.update(found["proxies"])
    session.verify = found["verify"]
    session.trust_env = False
    return session.verify

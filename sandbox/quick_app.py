"""A Flask application whose routes are only ever matched.

Tests make hundreds of stand-ins, each with a hundred routes and more. For each route werkzeug writes and compiles code
that makes an address out of it, which is most of what a stand-in took to make; nothing here ever asks for one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from flask import Flask
from werkzeug.routing import Rule

if TYPE_CHECKING:
    from collections.abc import Callable


class _MatchedRule(Rule):
    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:  # noqa: FBT001, FBT002 - werkzeug's
        del append_unknown
        return _no_address


def _no_address(*_args: object, **_values: object) -> NoReturn:
    raise NotImplementedError(
        "This application makes no addresses out of its routes; see sandbox/quick_app.py."
    )


class QuickApp(Flask):
    """Flask without ``url_for``."""

    url_rule_class = _MatchedRule

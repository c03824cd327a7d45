"""The Flask application: the intake, the members' door and two health pages. It only joins; nothing is decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flask import Blueprint


def create_app(blueprints: Iterable[Blueprint]) -> Flask:
    """An application of these parts. It sets no cookies and has no static files."""
    app = Flask("webhook_server", static_folder=None)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
    return app

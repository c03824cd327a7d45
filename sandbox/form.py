"""The demo's form: its questions, a report told in it, and the delivery that Typeform would post."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

QUESTIONS: dict[str, tuple[str, str | None]] = {
    "who_reports": ("Your name", "reporter"),
    "how_to_reach": ("How can we reach you?", "contact"),
    "who_is_it_about": ("Who is it about?", "subject"),
    "what_is_it": ("What is it?", None),
    "in_short": ("In one sentence", "summary"),
    "what_happened": ("What happened?", "account"),
    "where": ("Where?", "where"),
    "safe": ("Do you feel safe right now?", None),
    "not_for": ("Is there anybody on our team who should not see this?", "do_not_show"),
}
"""The demo's form: a question's ref, its title, and the report field it is mapped to."""

NOAHS_REPORT: dict[str, str] = {
    "who_reports": "Noah",
    "how_to_reach": "noah@people.example",
    "who_is_it_about": "Olivia",
    "what_is_it": "Somebody broke the Code of Conduct",
    "in_short": "Offensive remark about a people's way of writing documentation",
    "what_happened": (
        "In the specification documents Olivia left a comment which says that people of one particular race "
        "cannot write documentation. I was sad to read it, and others will read it too."
    ),
    "where": "Comments of the specification documents",
    "safe": "Yes, I am at home and Olivia lives in another country.",
    "not_for": "No",
}
"""The seed's first worked example, told by Noah in our words."""


def typeform(answers: Mapping[str, str], *, token: str) -> dict[str, Any]:
    """The body that Typeform posts for these answers."""
    choices = {"what_is_it"}
    return {
        "event_id": secrets.token_hex(13),
        "event_type": "form_response",
        "form_response": {
            "form_id": "coc-report",
            "token": token,
            "landed_at": "2026-11-22T13:59:00Z",
            "submitted_at": "2026-11-22T14:03:00Z",
            "definition": {
                "id": "coc-report",
                "title": "Tell the Code of Conduct team",
                "fields": [
                    {
                        "id": f"f{number}",
                        "ref": ref,
                        "type": "multiple_choice" if ref in choices else "long_text",
                        "title": title,
                    }
                    for number, (ref, (title, _target)) in enumerate(QUESTIONS.items())
                ],
            },
            "answers": [
                {
                    "type": "choice",
                    "choice": {"label": text},
                    "field": {"id": f"f-{ref}", "ref": ref, "type": "multiple_choice"},
                }
                if ref in choices
                else {
                    "type": "text",
                    "text": text,
                    "field": {"id": f"f-{ref}", "ref": ref, "type": "long_text"},
                }
                for ref, text in answers.items()
            ],
        },
    }

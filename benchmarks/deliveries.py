"""A form's delivery of 10 KB, over and over, each with an id of its own and rightly signed.

The id stands at the end of the body, so that one hash of all that comes before it can be continued: signing
costs the load client 3 microseconds instead of 12, and the deliveries need no file of prepared requests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

from sandbox.form import NOAHS_REPORT, typeform

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY_BYTES = 10_240
_ID_DIGITS = 32

_TOLD = (
    "On the first evening of the sprint we sat at the long table in the hostel's kitchen, seven of us, and talked about "
    "who would write which part. When I said that I would like to take the chapter on installing, the answer came "
    "loudly and across the table, so that everybody stopped. I do not want to write down the words a second time. "
    "Two people laughed, one looked at his plate, Zoë said “that's enough”, and then somebody changed the subject.\n\n"
    "The day after, the same was said again in the review of my change, this time in writing, in three comments that "
    "were edited an hour later. I have kept the mails that were sent for the first versions. I answered politely and "
    "was told that I could not take a joke. Since then my changes wait, while those that came in after mine are merged.\n\n"
    "I would like to go on with this project. I do not know whether I can come to the next meeting if nothing happens. "
    "Please do not speak with anybody at my employer; they have a contract with the foundation.\n\n"
)
"""Invented, like everybody in it."""


def body_before_id() -> bytes:
    """All of a Typeform delivery that comes before its id."""
    answers = dict(NOAHS_REPORT)
    while (missing := BODY_BYTES - len(_document(answers)) - _ID_DIGITS) > 0:
        answers["what_happened"] += _TOLD[:missing] if missing < len(_TOLD) else _TOLD
    whole = _document(answers)
    return whole.removesuffix(b'"}}')


def _document(answers: dict[str, str]) -> bytes:
    document = typeform(answers, token="")
    document["event_id"] = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    document["form_response"]["token"] = document["form_response"].pop("token")  # to the end
    return json.dumps(document, ensure_ascii=False).encode()


def requests(path: str, secret: str, run: str) -> Iterator[bytes]:
    """HTTP requests without end, signed both as Typeform does it and as GitHub does.

    Args:
        path: where they are posted.
        secret: of the form, and of the webhook.
        run: eight hexadecimal digits that no other run has, so that no id comes twice.
    """
    before = body_before_id()
    signed = hmac.new(secret.encode(), before, hashlib.sha256)
    length = len(before) + _ID_DIGITS + len(b'"}}')
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\nX-GitHub-Event: issues\r\n"
    )
    number = 0
    while True:
        number += 1
        delivery_id = f"{run}{number:024x}"
        end = f'{delivery_id}"}}}}'.encode("ascii")
        mac = signed.copy()
        mac.update(end)
        digest = mac.digest()
        own = (
            f"{head}X-GitHub-Delivery: {delivery_id}\r\nX-Hub-Signature-256: sha256={digest.hex()}\r\n"
            f"Typeform-Signature: sha256={base64.b64encode(digest).decode('ascii')}\r\n\r\n"
        )
        yield own.encode("ascii") + before + end

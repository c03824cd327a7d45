"""Proof of origin: published vectors, the reference implementation as oracle, and everything malformed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError
from werkzeug.datastructures import Headers

from integration.errors import StaleDelivery, Unauthenticated
from webhook_server.intake.schemes import PRESETS, Scheme, verify

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)
STANDARD = PRESETS["standard-webhooks"]
SPEC_SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SPEC_TIME = datetime.fromtimestamp(1614265330, UTC)
SPEC_BODY = b'{"test": 2432232314}'
SPEC_HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
SPEC_KEY = STANDARD.key(SPEC_SECRET)
OTHER_KEY = b"another key of thirty-two bytes."

VECTORS = [
    pytest.param(
        "github",
        b"It's a Secret to Everybody",
        b"Hello, World!",
        "X-Hub-Signature-256",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        NOW,
        id="github, published",
    ),
    pytest.param(
        "jira",
        b"It's a Secret to Everybody",
        b"Hello World!",
        "X-Hub-Signature",
        "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9",
        NOW,
        id="jira, published",
    ),
    pytest.param(
        "tally",
        b"secret",
        b'{"eventId":"e1"}',
        "Tally-Signature",
        "7iAFLnAcRu0+iNkviTsLHM6UhXyiHoMJQEPK3kjuVkA=",
        NOW,
        id="tally",
    ),
    pytest.param(
        "typeform",
        b"secret",
        b'{"eventId":"e1"}',
        "Typeform-Signature",
        "sha256=7iAFLnAcRu0+iNkviTsLHM6UhXyiHoMJQEPK3kjuVkA=",
        NOW,
        id="typeform",
    ),
    pytest.param(
        "formspree",
        b"secret",
        b'{"eventId":"e1"}',
        "Formspree-Signature",
        "t=1700000000,v1=984bf69942eb675dd69d49641d7b894a7f664dbb5fa1b065e2bab2fd56224aed",
        datetime.fromtimestamp(1700000000, UTC),
        id="formspree",
    ),
]


def refused(
    scheme: Scheme,
    headers: Mapping[str, str] | Headers,
    raw: bytes,
    secrets: list[bytes],
    now: datetime = NOW,
) -> type[Unauthenticated] | None:
    """The type of the refusal, or ``None`` if the proof was accepted. Anything else raised fails the test."""
    try:
        verify(scheme, headers, raw, secrets, now)
    except Unauthenticated as error:
        return type(error)
    return None


@pytest.mark.parametrize(("preset", "secret", "body", "header", "value", "now"), VECTORS)
def test_known_answer_is_accepted_and_any_changed_byte_is_not(
    preset: str, secret: bytes, body: bytes, header: str, value: str, now: datetime
) -> None:
    scheme = PRESETS[preset]

    assert refused(scheme, {header: value}, body, [secret], now) is None
    assert refused(scheme, {header.lower(): value}, body, [secret], now) is None
    assert refused(scheme, {header: value}, body + b" ", [secret], now) is Unauthenticated
    assert refused(scheme, {header: value}, body, [secret + b"x"], now) is Unauthenticated
    assert refused(scheme, {header: value[:-1]}, body, [secret], now) is Unauthenticated


@pytest.mark.parametrize(("preset", "secret", "body", "header", "value", "now"), VECTORS)
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda value: value.partition("=")[2][:-1], id="without its prefix"),
        pytest.param(lambda value: f"{value}, {value}", id="doubled and joined with a space"),
        pytest.param(lambda value: f"{value},{value}", id="doubled and joined"),
        pytest.param(lambda value: f"é{value}", id="latin-1"),
        pytest.param(lambda value: f"{value}\u2603", id="not latin-1"),
        pytest.param(lambda value: f"{value}%%%", id="not base64"),
        pytest.param(lambda value: value + "A" * 5000, id="too long"),
        pytest.param(lambda value: f"sha1={value.removeprefix('sha256=')}", id="other prefix"),
    ],
)
def test_malformed_header_is_refused_and_never_an_error(
    preset: str, secret: bytes, body: bytes, header: str, value: str, now: datetime, spoil: object
) -> None:
    assert callable(spoil)
    spoilt = str(spoil(value))

    assert refused(PRESETS[preset], {header: spoilt}, body, [secret], now) is Unauthenticated


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_missing_header_is_refused(preset: str) -> None:
    assert refused(PRESETS[preset], {}, b"{}", [OTHER_KEY]) is Unauthenticated


def test_header_that_came_twice_is_refused_even_if_both_are_right() -> None:
    twice = Headers([*SPEC_HEADERS.items(), ("Webhook-Id", SPEC_HEADERS["webhook-id"])])

    assert refused(STANDARD, Headers(SPEC_HEADERS), SPEC_BODY, [SPEC_KEY], SPEC_TIME) is None
    assert refused(STANDARD, twice, SPEC_BODY, [SPEC_KEY], SPEC_TIME) is Unauthenticated


def test_no_secret_and_empty_secret_prove_nothing() -> None:
    empty_key = hmac.digest(b"", b"{}", hashlib.sha256).hex()
    headers = {"X-Hub-Signature-256": f"sha256={empty_key}"}

    assert refused(PRESETS["github"], headers, b"{}", []) is Unauthenticated
    assert refused(PRESETS["github"], headers, b"{}", [b""]) is Unauthenticated


def test_standard_webhooks_vector_of_the_specification() -> None:
    assert refused(STANDARD, SPEC_HEADERS, SPEC_BODY, [SPEC_KEY], SPEC_TIME) is None


@pytest.mark.parametrize("keys", [[OTHER_KEY, SPEC_KEY], [SPEC_KEY, OTHER_KEY]])
def test_during_rotation_any_of_our_secrets_will_do(keys: list[bytes]) -> None:
    assert refused(STANDARD, SPEC_HEADERS, SPEC_BODY, keys, SPEC_TIME) is None


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        pytest.param("v1,AAAA {right}", None, id="the sender rotates"),
        pytest.param("v1a,hnO3f9T8 {right}", None, id="a version we do not know beside it"),
        pytest.param("v1a,{bare}", Unauthenticated, id="only a version we do not know"),
        pytest.param("{bare}", Unauthenticated, id="no version"),
        pytest.param("{right},", Unauthenticated, id="two commas"),
        pytest.param("{right}  {right}", Unauthenticated, id="two spaces"),
        pytest.param("{right}, {right}", Unauthenticated, id="doubled by a proxy"),
        pytest.param("v1,\u00e9 {right}", Unauthenticated, id="not ASCII beside it"),
        pytest.param(" ".join(["v1,AAAA"] * 10) + " {right}", Unauthenticated, id="too many"),
    ],
)
def test_list_of_signatures(listed: str, expected: type[Unauthenticated] | None) -> None:
    right = SPEC_HEADERS["webhook-signature"]
    value = listed.replace("{right}", right).replace("{bare}", right.removeprefix("v1,"))
    headers = {**SPEC_HEADERS, "webhook-signature": value}

    assert refused(STANDARD, headers, SPEC_BODY, [SPEC_KEY], SPEC_TIME) is expected


@pytest.mark.parametrize("way", [1, -1])
def test_five_minutes_both_ways_and_not_a_second_more(way: int) -> None:
    edge = SPEC_TIME + way * timedelta(minutes=5)
    over = edge + way * timedelta(seconds=1)

    assert refused(STANDARD, SPEC_HEADERS, SPEC_BODY, [SPEC_KEY], edge) is None
    assert refused(STANDARD, SPEC_HEADERS, SPEC_BODY, [SPEC_KEY], over) is StaleDelivery


def test_formspree_is_stale_after_five_minutes_too() -> None:
    value = "t=1700000000,v1=984bf69942eb675dd69d49641d7b894a7f664dbb5fa1b065e2bab2fd56224aed"
    now = datetime.fromtimestamp(1700000301, UTC)

    assert (
        refused(PRESETS["formspree"], {"formspree-signature": value}, b'{"eventId":"e1"}', [b"secret"], now)
        is StaleDelivery
    )


@pytest.mark.parametrize(
    "value", ["v1={}", "t=,v1={}", "t=x,v1={}", "t=1,t=1,v1={}", "t=-5,v1={}", "t=1700000000"]
)
def test_formspree_time_must_be_there_once_and_be_seconds(value: str) -> None:
    time = value.partition("t=")[2].partition(",")[0]
    right = hmac.digest(b"secret", time.encode() + b".{}", hashlib.sha256).hex()
    now = datetime.fromtimestamp(1, UTC)

    found = refused(
        PRESETS["formspree"], {"Formspree-Signature": value.replace("{}", right)}, b"{}", [b"secret"], now
    )

    assert found is Unauthenticated


@pytest.mark.parametrize(
    "time",
    ["", "soon", "1614265330.0", "+1614265330", "1_614_265_330", " 1614265330", "9" * 40, "NaN", "1e9"],
)
def test_time_that_is_not_plain_seconds_is_refused_though_rightly_signed(time: str) -> None:
    signed = f"msg_1.{time}.".encode() + SPEC_BODY
    right = base64.b64encode(hmac.digest(SPEC_KEY, signed, hashlib.sha256)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": time, "webhook-signature": f"v1,{right}"}

    assert refused(STANDARD, headers, SPEC_BODY, [SPEC_KEY], SPEC_TIME) is Unauthenticated


@given(
    key=st.binary(min_size=24, max_size=64),
    message=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40),
    body=st.text(max_size=200),
)
def test_what_the_reference_implementation_signs_we_accept(key: bytes, message: str, body: str) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    signature = Webhook(secret).sign(message, NOW, body)
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": signature,
    }

    assert refused(STANDARD, headers, body.encode(), [STANDARD.key(secret)]) is None


_signatures = st.sampled_from(
    ["v1,", "v1a,", "v2,", "v1", ",", " ", "{right}", "{wrong}", "=", "é", "v1,{right}"]
)


@given(parts=st.lists(_signatures, max_size=8), offset=st.integers(-400, 400))
def test_what_we_accept_the_reference_implementation_accepts(parts: list[str], offset: int) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # the reference implementation takes no clock
    secret = "whsec_" + base64.b64encode(OTHER_KEY).decode()
    signed_at = now + timedelta(seconds=offset)
    right = Webhook(secret).sign("msg_1", signed_at, "{}").removeprefix("v1,")
    listed = "".join(parts).replace("{right}", right).replace("{wrong}", right[::-1])
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(signed_at.timestamp())),
        "webhook-signature": listed,
    }

    ours = refused(STANDARD, headers, b"{}", [OTHER_KEY], now)

    if ours is None and abs(offset) < 290:
        Webhook(secret).verify("{}", headers)
    if abs(offset) > 310:
        with pytest.raises((WebhookVerificationError, ValueError)):
            Webhook(secret).verify("{}", headers)
        assert ours is not None


@given(
    preset=st.sampled_from(sorted(PRESETS)),
    values=st.lists(st.text(max_size=60), min_size=3, max_size=3),
    raw=st.binary(max_size=60),
)
def test_no_header_whatsoever_raises_anything_else(preset: str, values: list[str], raw: bytes) -> None:
    scheme = PRESETS[preset]
    names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
    names = [getattr(scheme, "header", names[0]), *names[1:]]

    assert refused(scheme, dict(zip(names, values, strict=True)), raw, [OTHER_KEY]) is Unauthenticated


@pytest.mark.parametrize(
    "secret",
    ["whsec_", "whsec_AAAA", "whsec_%%%", "é" * 40, base64.b64encode(bytes(65)).decode(), b"\xff" * 40],
)
def test_secret_that_standard_webhooks_does_not_allow_is_refused(secret: str | bytes) -> None:
    with pytest.raises(ValueError) as caught:
        STANDARD.key(secret)

    assert str(secret) not in str(caught.value)


def test_secret_is_the_same_with_and_without_its_prefix_as_text_and_as_bytes() -> None:
    assert STANDARD.key(f"whsec_{SPEC_SECRET}") == SPEC_KEY == STANDARD.key(SPEC_SECRET.encode())
    assert len(SPEC_KEY) == 24


def test_short_hmac_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter than 16"):
        PRESETS["typeform"].key("fifteen letters")

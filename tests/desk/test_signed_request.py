"""``coc-api@v1``: what is signed, and what a service must refuse."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.diary.keys import generate_identity, verify_sshsig
from integration.errors import BadRequestProof, ConfigError
from integration.signed_request import check_request, new_nonce, origin_of, sign_request

ORIGIN = "https://coc.example.org"
TARGET = "/api/v1/incidents"
NOW = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
NONCE = "AAECAwQFBgcICQoLDA0ODw"

ROBERT = generate_identity("robert")


def signed(
    *, origin: str = ORIGIN, target: str = TARGET, body: bytes = b"", now: datetime = NOW, nonce: str = NONCE
) -> str:
    return sign_request(
        ROBERT, alias="robert", origin=origin, method="GET", target=target, body=body, now=now, nonce=nonce
    )


def check(header: str | None, *, method: str = "GET", target: str = TARGET, body: bytes = b"") -> str:
    return check_request(
        header,
        origin=ORIGIN,
        method=method,
        target=target,
        body=body,
        now=NOW,
        key_of={"robert": ROBERT.signing_key}.get,
        fresh=lambda _alias, _nonce, _expires: True,
    )


def test_a_signed_request_is_accepted() -> None:
    assert check(signed(body=b"words"), body=b"words") == "robert"


def test_what_is_signed_is_what_the_format_document_says() -> None:
    header = signed(target="/api/v1/incidents?after=8")
    blob = header.partition('signature="')[2].removesuffix('"')
    armoured = f"-----BEGIN SSH SIGNATURE-----\n{blob}\n-----END SSH SIGNATURE-----\n"
    message = (
        b"CoC-API: v1\n"
        b"Origin: https://coc.example.org\n"
        b"Method: GET\n"
        b"Target: /api/v1/incidents?after=8\n"
        b"Body-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        b"Alias: robert\n"
        b"Time: 2026-11-22T14:03:00Z\n"
        b"Nonce: AAECAwQFBgcICQoLDA0ODw\n"
    )

    assert header.startswith(
        'CoC-SSHSIG alias="robert", time="2026-11-22T14:03:00Z", nonce="AAECAwQFBgcICQoLDA0ODw", signature="'
    )
    assert verify_sshsig(ROBERT.signing_key, "coc-api@v1", message, armoured)


def test_the_time_is_signed_in_utc_whatever_zone_the_clock_has() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=9)))

    assert 'time="2026-11-22T14:03:00Z"' in signed(now=there)


def test_a_signature_of_another_namespace_is_refused() -> None:
    class Elsewhere:
        def sign(self, _namespace: str, message: bytes) -> str:
            return ROBERT.sign("coc-diary@v1", message)

    header = sign_request(
        Elsewhere(),
        alias="robert",
        origin=ORIGIN,
        method="GET",
        target=TARGET,
        body=b"",
        now=NOW,
        nonce=NONCE,
    )

    with pytest.raises(BadRequestProof):
        check(header)


def test_no_byte_of_the_header_can_be_changed() -> None:
    header = signed()
    accepted = [
        at
        for at in range(len(header))
        for other in {"A", "B", "0", '"', ","} - {header[at]}
        if _accepts(header[:at] + other + header[at + 1 :])
    ]

    assert accepted == []


def _accepts(header: str) -> bool:
    try:
        check(header)
    except BadRequestProof:
        return False
    return True


@given(st.text())
def test_no_text_in_the_header_does_more_than_refuse(text: str) -> None:
    with pytest.raises(BadRequestProof):
        check(text)


@given(
    alias=st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,31}", fullmatch=True),
    time=st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True)
    | st.just("2026-11-22T14:03:00Z"),
    signature=st.binary(max_size=300),
)
def test_no_well_formed_proof_without_the_key_does_more_than_refuse(
    alias: str, time: str, signature: bytes
) -> None:
    blob = base64.b64encode(signature).decode()

    with pytest.raises(BadRequestProof):
        check(f'CoC-SSHSIG alias="{alias}", time="{time}", nonce="{NONCE}", signature="{blob}"')


@given(damage=st.binary(min_size=1, max_size=12), at=st.integers(0, 200))
def test_no_damaged_signature_does_more_than_refuse(damage: bytes, at: int) -> None:
    head, _, blob = signed().partition('signature="')
    raw = base64.b64decode(blob.removesuffix('"'))
    damaged = raw[:at] + damage + raw[at + len(damage) :]
    if damaged == raw:
        return

    with pytest.raises(BadRequestProof):
        check(f'{head}signature="{base64.b64encode(damaged).decode()}"')


@given(
    target=st.text(alphabet="/?&=%abc\r\n", max_size=30), method=st.text(alphabet="GETPOS\r\n", max_size=9)
)
def test_a_line_break_in_the_request_cannot_move_the_signed_lines(target: str, method: str) -> None:
    if (target, method) == (TARGET, "GET"):
        return

    with pytest.raises(BadRequestProof):
        check(signed(), target=target, method=method)


def test_the_nonce_is_asked_for_only_after_the_signature_was_right() -> None:
    asked: list[str] = []

    def fresh(alias: str, nonce: str, _expires: datetime) -> bool:
        asked.append(f"{alias} {nonce}")
        return True

    def ask(header: str) -> str:
        return check_request(
            header,
            origin=ORIGIN,
            method="GET",
            target=TARGET,
            body=b"",
            now=NOW,
            key_of={"robert": ROBERT.signing_key}.get,
            fresh=fresh,
        )

    with pytest.raises(BadRequestProof):
        ask(signed(target="/other"))
    assert asked == []

    ask(signed())
    assert asked == [f"robert {NONCE}"]


def test_nonces_have_128_bits_and_do_not_repeat() -> None:
    nonces = {new_nonce() for _ in range(1000)}

    assert len(nonces) == 1000
    assert {len(base64.urlsafe_b64decode(nonce + "==")) for nonce in nonces} == {16}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://coc.example.org", "https://coc.example.org"),
        ("https://CoC.Example.org/", "https://coc.example.org"),
        ("https://coc.example.org:443", "https://coc.example.org"),
        ("https://coc.example.org:8443/", "https://coc.example.org:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:80/", "http://localhost"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_origin_has_one_spelling(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "coc.example.org",
        "ftp://coc.example.org",
        "http://coc.example.org",
        "http://127.0.0.1.example.org",
        "http://0.0.0.0:8080",
        "https://",
        "https://user:secret@coc.example.org",
        "https://coc.example.org/path",
        "https://coc.example.org/?q=1",
        "https://coc.example.org/#part",
        "https://coc.example.org:99999",
        "https://coc example.org",
        "https://coc.example.org\n.evil.example",
        "https://[::1",
        "https://" + "a" * 70 + ".example",
    ],
)
def test_what_is_no_origin_is_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        origin_of(url)


def test_a_refused_address_does_not_show_its_password() -> None:
    with pytest.raises(ConfigError) as refused:
        origin_of("https://user:hunter2hunter2@coc.example.org")

    assert "hunter2" not in str(refused.value)

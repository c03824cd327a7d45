"""Keys: what counts as one, the locked identity, and signatures that OpenSSH takes."""

from __future__ import annotations

import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from integration.diary import sshsig
from integration.diary.keys import (
    Identity,
    ServiceKey,
    generate_identity,
    is_recipient,
    is_signing_key,
    new_service_key,
    recipient_of,
    verify_sshsig,
)
from integration.errors import CannotOpen, ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ROBERT = generate_identity("robert")
SALMA = generate_identity("salma")
SIGNED = ROBERT.sign("coc-diary@v1", b"what was said")
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)
needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not installed")


@pytest.fixture(scope="module")
def locked() -> bytes:
    """Locking takes a second, so it is done once."""
    return ROBERT.lock("correct horse")


def test_an_identity_comes_back_from_its_locked_file(locked: bytes) -> None:
    back = Identity.unlock(locked, "correct horse")

    assert (back.alias, back.secret, back.recipient, back.signing_key) == (
        "robert", ROBERT.secret, ROBERT.recipient, ROBERT.signing_key,
    )  # fmt: skip
    assert verify_sshsig(ROBERT.signing_key, "coc-diary@v1", b"x", back.sign("coc-diary@v1", b"x"))


def test_the_wrong_passphrase_and_a_damaged_file_say_what_to_do(locked: bytes) -> None:
    for file, passphrase in ((locked, "wrong horse"), (locked[:-90], "correct horse"), (b"hello", "x")):
        with pytest.raises(CannotOpen, match="coc key new") as refused:
            Identity.unlock(file, passphrase)

        assert refused.value.__cause__ is None
        assert passphrase not in str(refused.value)


@pytest.mark.parametrize(
    "clear",
    [
        b"",
        b"\xff",
        b"AGE-SECRET-KEY-1\n",
        b"# coc-mirror identity v1\n# alias: robert\n",
        b"# coc-mirror identity v1\n# alias: robert\n" + ROBERT.secret.encode() + b"\n",
        b"# coc-mirror identity v1\n# alias: robert\n" + ROBERT.secret.encode() + b"\n"
        b"# -----BEGIN OPENSSH PRIVATE KEY-----\n# QUJD\n# -----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_a_locked_file_that_holds_something_else_is_refused(
    clear: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyrage.passphrase, "decrypt", lambda _file, _passphrase: clear)  # scrypt is slow

    with pytest.raises(CannotOpen):
        Identity.unlock(b"", "x")


@needs_age
@needs_ssh_keygen
def test_the_opened_file_works_with_age_and_ssh_keygen(locked: bytes, tmp_path: Path) -> None:
    opened = pyrage.passphrase.decrypt(locked, "correct horse")
    (tmp_path / "me.txt").write_bytes(opened)
    (tmp_path / "in.age").write_bytes(
        pyrage.encrypt(b"hello", [pyrage.x25519.Recipient.from_str(ROBERT.recipient)])
    )
    recipe = (
        "sed -n '/BEGIN OPENSSH/,/END OPENSSH/s/^# //p' me.txt > key && chmod 600 key && ssh-keygen -y -f key"
    )

    clear = subprocess.run(
        ["age", "-d", "-i", "me.txt", "in.age"], cwd=tmp_path, check=True, capture_output=True
    )
    public = subprocess.run(["sh", "-c", recipe], cwd=tmp_path, check=True, capture_output=True)

    assert clear.stdout == b"hello"
    assert public.stdout.decode().split()[:2] == ROBERT.signing_key.split()


def test_secrets_are_in_no_repr(locked: bytes) -> None:
    service = new_service_key("svc-2026a")

    assert locked.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    for shown in (repr(ROBERT), str(ROBERT), repr(service), f"{ROBERT} {service}"):
        assert "SECRET" not in shown
        assert "object at" not in shown
    assert ROBERT.secret not in repr(ROBERT)


@pytest.mark.parametrize("alias", ["", "2nd", "a b", "x" * 33, "é", "a\nb"])
def test_an_alias_is_as_the_roster_takes_it(alias: str) -> None:
    with pytest.raises(ValueError, match="alias"):
        generate_identity(alias)


def test_an_empty_passphrase_is_refused() -> None:
    with pytest.raises(ValueError, match="passphrase"):
        ROBERT.lock("")


# Recipients -----------------------------------------------------------------------------------------


def test_a_native_recipient_is_taken() -> None:
    assert is_recipient(ROBERT.recipient)
    assert is_recipient(recipient_of(ROBERT.secret))


@given(st.integers(4, 61), st.sampled_from(BECH32))
def test_one_wrong_letter_is_refused(at: int, letter: str) -> None:
    changed = ROBERT.recipient[:at] + letter + ROBERT.recipient[at + 1 :]

    assert is_recipient(changed) == (changed == ROBERT.recipient)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "age1",
        ROBERT.recipient.upper(),
        ROBERT.recipient + "\n",
        " " + ROBERT.recipient,
        ROBERT.recipient[:-1],
        ROBERT.secret,
        ROBERT.signing_key,
        "ssh-rsa AAAAB3NzaC1yc2E",
        "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt",
        "age1" + "q" * 58,
        # All zero, one, and a point of order eight: a key exchange with them is worth nothing, and pyrage panics.
        "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
        "age1qyqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqj7vrya",
        "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
    ],
)
def test_everything_else_is_refused_as_a_recipient(text: str) -> None:
    assert not is_recipient(text)


def test_pyrage_agrees_on_what_a_recipient_is() -> None:
    for _ in range(300):
        recipient = generate_identity("x").recipient
        swapped = recipient[:20] + recipient[21] + recipient[20] + recipient[22:]

        assert is_recipient(recipient)
        if swapped != recipient:
            assert not is_recipient(swapped)
            with pytest.raises(pyrage.RecipientError):
                pyrage.x25519.Recipient.from_str(swapped)


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "AGE-SECRET-KEY-1",
        ROBERT.secret.lower(),
        ROBERT.secret[:-1] + ("Q" if ROBERT.secret[-1] != "Q" else "P"),
    ],
)
def test_what_is_no_secret_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(ValueError, match="not an age secret key") as refused:
        recipient_of(secret)

    assert not secret or secret not in str(refused.value)


# Signatures -----------------------------------------------------------------------------------------


def test_a_signature_is_good_for_its_key_namespace_and_message_only() -> None:
    def good(
        key: str = ROBERT.signing_key, namespace: str = "coc-diary@v1", message: bytes = b"what was said"
    ) -> bool:
        return verify_sshsig(key, namespace, message, SIGNED)

    assert good()
    assert not good(key=SALMA.signing_key)
    assert not good(namespace="coc-api@v1")
    assert not good(message=b"what was sai")


@given(st.integers(0, len(SIGNED) - 1), st.characters(codec="ascii"))
def test_any_changed_letter_of_a_signature_is_refused(at: int, letter: str) -> None:
    changed = SIGNED[:at] + letter + SIGNED[at + 1 :]
    harmless = changed.replace("\r", "").replace("\n", "") == SIGNED.replace("\n", "")

    assert harmless or not verify_sshsig(ROBERT.signing_key, "coc-diary@v1", b"what was said", changed)


@given(st.text(), st.text(), st.text())
def test_no_text_makes_verification_raise(key: str, namespace: str, armoured: str) -> None:
    assert not verify_sshsig(key, namespace, b"", armoured)
    assert not verify_sshsig(ROBERT.signing_key, namespace, b"", armoured)
    assert not verify_sshsig(
        ROBERT.signing_key, "coc-diary@v1", b"", f"{sshsig.BEGIN}\n{armoured}\n{sshsig.END}\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        ROBERT.signing_key + " robert@example",
        ROBERT.signing_key + "\n",
        ROBERT.signing_key.replace("ssh-ed25519", "ssh-rsa"),
        ROBERT.signing_key.replace("AAAAC3", "AAAAC4"),
        "sk-" + ROBERT.signing_key,
        ROBERT.signing_key[:-1],
        ROBERT.recipient,
    ],
)
def test_a_signing_key_is_exactly_one_line_without_comment(line: str) -> None:
    assert is_signing_key(ROBERT.signing_key)
    assert not is_signing_key(line)
    assert not verify_sshsig(line, "coc-diary@v1", b"what was said", SIGNED)


@needs_ssh_keygen
def test_ssh_keygen_takes_our_signatures_and_we_take_its(tmp_path: Path) -> None:
    (tmp_path / "signers").write_text(f"robert {ROBERT.signing_key}\n")
    (tmp_path / "sig").write_text(SIGNED)
    verify = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        "signers",
        "-I",
        "robert",
        "-n",
        "coc-diary@v1",
        "-s",
        "sig",
    ]
    key = Ed25519PrivateKey.generate()
    (tmp_path / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (tmp_path / "key").chmod(0o600)

    ours = subprocess.run(verify, cwd=tmp_path, input=b"what was said", capture_output=True, check=False)
    other = subprocess.run(verify, cwd=tmp_path, input=b"what was not", capture_output=True, check=False)
    theirs = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", "key", "-n", "coc-roster@v1"],
        cwd=tmp_path, input=b"roster", capture_output=True, check=True,
    )  # fmt: skip

    assert ours.returncode == 0
    assert b"Good" in ours.stdout
    assert other.returncode != 0
    assert verify_sshsig(
        sshsig.public_line(key.public_key()), "coc-roster@v1", b"roster", theirs.stdout.decode()
    )


# The service's key ----------------------------------------------------------------------------------


def test_a_service_key_is_kept_in_a_file_of_its_own(tmp_path: Path) -> None:
    key, path = new_service_key("svc-2026a"), tmp_path / "service.key"
    key.save(path)

    back = ServiceKey.load(path, "svc-2026a")

    assert (back.id, back.public_line) == ("svc-2026a", key.public_line)
    assert is_signing_key(key.public_line)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        key.save(path)


def test_a_service_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nhello\n")
    (tmp_path / "rsa").write_bytes(
        generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    for name in ("none", "text", "rsa"):
        with pytest.raises(ConfigError) as refused:
            ServiceKey.load(tmp_path / name, "svc-2026a")

        assert "hello" not in str(refused.value)
    with pytest.raises(ValueError, match="id"):
        new_service_key("a b")

"""A configuration with mistakes is refused with every one of them, in words that lead on and quote no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.errors import ConfigError
from tests.server.config.conftest import LEAST, load, mistakes, write_roster
from webhook_server.config import load_config

if TYPE_CHECKING:
    from pathlib import Path

    from integration.diary.keys import Identity, ServiceKey

BROKEN = """
surprise = 1

[server]
listen = "everywhere"
origin = "http://coc.example.org/path?x=1"
root_key_file = "missing.key"
service_key_file = "missing.key"
service_key_id = "svc-test"
roster = "missing.toml"
process = "missing.toml"
engine_database = "coc.sqlite"
colour = "blue"

[spaces.Bad-Name]
host = "github"
owner = ""
repository = 5
token_file = "missing.token"
app_id = "1"
acknowledged = [{ account = "x", until = 2027-06-30T00:00:00, why = "y", more = 1 }, 7]

[spaces.board]
host = "jira"
site = "ftp://example.atlassian.example"
browse_roles = "all"
token_file = "empty.token"

[spaces.other]
host = "gitlab"

[sources.report-form]
reader = "telepathy"
secret_files = []
space = "nowhere"

[mail]
host = "mail.example.org"
port = true
starttls = false
from = "nobody"
operator = "somebody"
user = "coc"
"""


def test_all_mistakes_are_listed_together(folder: Path) -> None:
    (folder / "empty.token").write_text("\n")

    found = "\n".join(mistakes(folder, BROKEN))

    for expected in [
        "the file has the unknown entry 'surprise'",
        "[server] has the unknown entry 'colour'",
        "[server].listen must be an address and a port",
        "[server].origin: plain http is only for this machine",
        "[server].origin: it must end after the host and the port",
        "[server].root_key_file: it is not there",
        "[server].service_key_file: it cannot be read (FileNotFoundError)",
        "[server].roster: it cannot be read (FileNotFoundError)",
        "[server].process: it cannot be read (FileNotFoundError)",
        "[server].engine_database must be another file",
        "[spaces.Bad-Name]: a space's name is",
        "[spaces.Bad-Name].owner must be a text",
        "[spaces.Bad-Name].repository must be a text",
        "[spaces.Bad-Name] needs either token_file, or app_id and private_key_file",
        "[spaces.Bad-Name].token_file: the file cannot be read (FileNotFoundError)",
        "[spaces.Bad-Name].private_key_file must be a text",
        "[spaces.Bad-Name].acknowledged[1].until must be a date",
        "[spaces.Bad-Name].acknowledged[1] has the unknown entry 'more'",
        "[spaces.Bad-Name].acknowledged[2].account must be a text",
        "[spaces.board].site: it is not an address",
        "[spaces.board].project must be a text",
        "[spaces.board].email must be a text",
        "empty.token is empty; put the secret into it",
        "[spaces.board].issue_type_id must be a text",
        "[spaces.board].fields.stage must be a text",
        "[spaces.board].browse_roles must be a list of texts",
        '[spaces.other].host must be "jira" or "github"',
        "[sources.report-form]: reader must be one of",
        "[sources.report-form]: secret_files must list 1 to 4 files",
        "[sources.report-form]: space must name a ticket space",
        "[mail].port must be a port number",
        "[mail].starttls may be false only for a mail server on this machine",
        "[mail].from must be a mail address",
        "[mail].operator must be a mail address",
        "[mail].user and [mail].password_file need each other",
    ]:
        assert expected in found


def test_an_empty_file_says_what_is_needed(folder: Path) -> None:
    found = mistakes(folder, "")

    assert "[server].origin must be a text" in found
    assert "[server].roster must be a text" in found
    assert "[spaces] must describe at least one ticket space" in found
    assert not any("Error" in one for one in found)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('origin = "https://coc', 'origin = "https://[coc', "[server].origin: it is not an address"),
        ('origin = "https://coc', 'origin = "https://user:pw@coc', "[server].origin: it must not hold a user name"),
        ('service_key_id = "svc-test"', 'service_key_id = "not good!"', "[server].service_key_id: A service key's id"),
        ('service_key_id = "svc-test"', 'service_key_id = "svc-2"', "the roster's service_keys lack"),
        ("[server]", '[server]\ndatabase = "mysql://coc:canary@x/y"', "[server].database must be a file or a URL"),
        ("[server]", '[server]\ndatabase = "postgresql://coc:canary@x:port/y"', "[server].database must be a file or a URL"),
        ("[server]", "[server]\ndatabase = 5", "[server].database must be a text"),
        ("[server]", "[server]\nlisten = 8800", "[server].listen must be"),
        ("[server]", '[server]\nlisten = "127.0.0.1:99999"', "[server].listen must be"),
        ("[server]", '[server]\nprocess = ""', "[server].process must be a text"),
        ("[spaces.conduct]", "[spaces]\nbad = 5\n[spaces.conduct]", "[spaces.bad] must be a table"),
        ('token_file = "github.token"', 'token_file = "github.token"\nacknowledged = 5', "acknowledged must be a list of tables"),
        ("[server]", "mail = 5\n[server]", "the file: mail must be a table"),
        ('token_file = "github.token"', "", "[spaces.conduct] needs either token_file, or"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = "7"', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = true', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nhook_id = 0', "hook_id must be a whole number"),
        ('token_file = "github.token"', 'token_file = "github.token"\nwebhook_secret_file = "github.token"', "webhook_secret_file: the secret is shorter"),
        ('token_file = "github.token"', 'app_id = "1"\nprivate_key_file = "app.pem"\nhook_id = 7', "an App has a webhook of its own"),
    ],
)  # fmt: skip
def test_each_mistake_is_said(folder: Path, old: str, new: str, mistake: str) -> None:
    found = mistakes(folder, LEAST.replace(old, new))

    assert any(one.startswith(mistake) or mistake in one for one in found)
    assert "canary" not in "\n".join(found)


def test_a_recipient_with_a_slip_of_the_pen_is_found(
    folder: Path, service_key: ServiceKey, robert: Identity
) -> None:
    last = "q" if robert.recipient[-1] != "q" else "p"
    write_roster(folder, service_key, robert, recipient=robert.recipient[:-1] + last)

    assert any(
        "members[1] (robert).recipient" in one and "checksum is wrong" in one
        for one in mistakes(folder, LEAST)
    )


def test_a_signing_key_that_is_none_is_found(folder: Path, robert: Identity) -> None:
    roster = folder / "roster.toml"
    roster.write_text(roster.read_text().replace(robert.signing_key, "ssh-ed25519 " + "A" * 68))

    assert any("members[1].signing_key must be ssh-ed25519" in one for one in mistakes(folder, LEAST))


def test_desks_must_know_the_service_key(folder: Path, service_key: ServiceKey, robert: Identity) -> None:
    write_roster(folder, service_key, robert, public=robert.signing_key)

    (mistake,) = mistakes(folder, LEAST)

    assert service_key.public_line in mistake


@pytest.mark.parametrize(
    ("raw", "then"),
    [
        (b"# one\n# caf\xe9\n", "line 2 holds a character that is not UTF-8, .* save the file as UTF-8"),
        ("[server]\n".encode("utf-16"), "it is text in UTF-16; save it as UTF-8"),
        ("[server]\n".encode("utf-16-le"), "it is text in UTF-16; save it as UTF-8"),
        (b"[server\n", r"\(at line 1, column 8\): a line is a \[table\], an entry = value, or a comment"),
        (b"a = 1\na = 2\n", r"\(at line 2, column 6\): this entry stands there twice; keep one"),
        (b"[a]\n[a]\n", "this table stands there twice; put its entries under one"),
        (b"a = b", "a text needs quotation marks"),
        (b'a = "b\n', "a text lacks its closing quotation mark"),
        (b'a = "b', "a text lacks its closing quotation mark"),
        (b'a = "C:\\x"', "for a backslash"),
    ],
)
def test_what_is_not_toml_is_refused_with_what_to_do(tmp_path: Path, raw: bytes, then: str) -> None:
    (tmp_path / "c.toml").write_bytes(raw)

    with pytest.raises(ConfigError, match=f"it is not valid TOML: .*{then}"):
        load_config(tmp_path / "c.toml")


def test_a_byte_order_mark_before_the_configuration_or_the_process_is_no_mistake(folder: Path) -> None:
    process = folder / "process.toml"
    process.write_bytes(b"\xef\xbb\xbf" + process.read_bytes())

    text = LEAST.replace("[server]", '[server]\nprocess = "process.toml"').replace("\n", "\r\n")
    (folder / "coc-server.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())

    assert load_config(folder / "coc-server.toml").spaces


def test_a_missing_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make a first one with coc-server init"):
        load_config(tmp_path / "c.toml")


def test_a_file_that_this_account_may_not_read_leads_to_the_right_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError

    monkeypatch.setattr(type(tmp_path), "read_bytes", refuse)

    with pytest.raises(ConfigError, match="this account may not read it; say the command as the server's"):
        load_config(tmp_path / "c.toml")


def test_a_key_file_of_another_kind_is_refused_without_its_content(folder: Path) -> None:
    (folder / "service.key").write_text("key-canary")

    found = mistakes(folder, LEAST)

    assert any("[server].service_key_file" in one for one in found)
    assert "canary" not in "\n".join(found)


MAIL = '\n[mail]\nhost = "mail.example.org"\nfrom = "conduct@example.org"\n'
RECOVERY = '[[recovery]]\nname = "paper"\nrecipient = "{recipient}"\nemail = "board@example.org"\n'


def test_without_a_recovery_key_somebody_must_be_told_if_no_member_can_be(folder: Path) -> None:
    (found,) = mistakes(folder, LEAST + MAIL)

    assert found.startswith("[mail].operator must be a mail address, because the roster has no recovery key")
    assert load(folder, f'{LEAST}{MAIL}operator = "o@example.org"').mail.operator == "o@example.org"  # type: ignore[union-attr]  # it has a section


def test_with_a_recovery_key_the_operator_may_be_left_out(folder: Path, paper: Identity) -> None:
    roster = folder / "roster.toml"
    roster.write_text(roster.read_text() + RECOVERY.format(recipient=paper.recipient), encoding="utf-8")

    mail = load(folder, LEAST + MAIL).mail

    assert mail is not None
    assert mail.operator is None


@pytest.mark.parametrize(
    ("section", "password", "mistake"),
    [
        (MAIL.replace("mail.example.org", "mail..example.org"), "", "[mail].host must be the name"),
        (f"{MAIL}port = 465\n", "", "[mail].port 465 wants TLS before the first word"),
        (f'{MAIL}user = "jörg"\npassword_file = "mail.password"\n', "x", "[mail].user has a letter"),
        (f'{MAIL}user = "c"\npassword_file = "mail.password"\n', "pässwort", "[mail].password_file: the"),
    ],
)
def test_settings_with_which_no_mail_could_be_sent_are_refused(
    folder: Path, section: str, password: str, mistake: str
) -> None:
    (folder / "mail.password").write_text(password, encoding="utf-8")

    (found,) = mistakes(folder, f'{LEAST}{section}operator = "o@example.org"\n')

    assert found.startswith(mistake)
    assert "pässwort" not in found

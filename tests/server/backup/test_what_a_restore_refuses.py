"""A backup that is not whole, is not ours or would harm what is there changes nothing; what is refused is said."""

from __future__ import annotations

import errno
import io
import os
import re
import shutil
import tarfile
from typing import TYPE_CHECKING

import pyrage
import pytest

from tests.server.backup.conftest import (
    IDENTITY,
    Site,
    empty_machine,
    entries,
    everything,
    opened,
    restore,
    run,
    wipe,
)
from webhook_server import restore as restoring
from webhook_server.config import load_config
from webhook_server.store.durable_files import write_durably

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.diary.chain import Head
    from integration.diary.comment import SealedComment


def put_together(site: Site, content: dict[str, bytes], to: Path) -> Path:
    """A backup that somebody made who has the public half of its key."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for name, one in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(one)
            tar.addfile(entry, io.BytesIO(one))
    recipient = load_config(site.config).backup_recipient
    assert recipient is not None
    to.write_bytes(pyrage.encrypt(plain.getvalue(), [pyrage.x25519.Recipient.from_str(recipient)]))
    return to


def test_a_backup_that_was_cut_off_or_changed_restores_nothing(site: Site, tmp_path: Path) -> None:
    whole = site.backup().read_bytes()
    wipe(site.config)
    for number, broken in enumerate(
        (whole[:-1], whole[: len(whole) // 2], whole[:-40] + bytes(40), whole[:10])
    ):
        folder = tmp_path / f"new{number}"
        (folder / "inbox-keys").mkdir(mode=0o700, parents=True)
        shutil.copy(site.config.parent / "root.key", folder / "root.key")
        (tmp_path / "broken.age").write_bytes(broken)

        refused = restore(site, tmp_path / "broken.age", folder)

        assert 1 == refused.exit_code
        assert isinstance(refused.exception, SystemExit), refused.exception
        assert re.search("does not open|not whole", refused.output)
        if (folder / "coc-server.toml").exists():
            assert {0} == {len(rows) for rows in everything(folder / "coc-server.toml").values()}


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_a_backup_that_lacks_a_row_is_not_whole(site: Site, tmp_path: Path) -> None:
    content, folder = entries(site, site.backup()), empty_machine(site, tmp_path)
    assert 0 == restore(site, put_together(site, content, tmp_path / "same.age"), folder).exit_code
    name = "tables/inbox/000000.jsonl"
    content[name] = b"".join(content[name].splitlines(keepends=True)[:-1])
    shutil.rmtree(folder)

    refused = restore(site, put_together(site, content, tmp_path / "less.age"), empty_machine(site, tmp_path))

    assert 1 == refused.exit_code
    assert "The backup is not whole" in refused.output
    assert [] == everything(folder / "coc-server.toml")["incident"]


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["files/../../outside", "../outside", "{root}/outside"])
def test_nothing_is_written_outside_of_the_folder(site: Site, tmp_path: Path, name: str) -> None:
    content, folder = entries(site, site.backup()), empty_machine(site, tmp_path)
    manifest = {"manifest.json": content.pop("manifest.json")}
    forged = manifest | {name.format(root=tmp_path): b"foreign"} | content

    refused = restore(site, put_together(site, forged, tmp_path / "forged.age"), folder)

    assert 1 == refused.exit_code
    assert "holds what no backup of ours does" in refused.output
    assert [] == list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_keys_that_are_put_aside_are_for_this_account_only(site: Site, tmp_path: Path) -> None:
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    shutil.copytree(load_config(site.config).inbox_keys, folder / "inbox-keys")
    (secret,) = IDENTITY.findall(site.identity.read_text())

    before = os.umask(0)  # the program's own would hide it
    try:
        with backup.open("rb") as source:
            restored = restoring.restore_backup(source, secret, folder)
    finally:
        os.umask(before)

    assert restored.kept is not None
    assert 0o700 == restored.kept.stat().st_mode & 0o777
    assert {0o600} == {one.stat().st_mode & 0o777 for one in restored.kept.iterdir()}


@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_no_key_is_written_into_the_place_of_a_share_that_is_not_mounted(site: Site, tmp_path: Path) -> None:
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    (folder / "inbox-keys").rmdir()
    wipe(site.config)

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "The folder of the inbox keys" in refused.output
    assert "Mount it, or make it once" in refused.output
    assert not (folder / "inbox-keys").exists()
    (folder / "inbox-keys").mkdir(mode=0o700)
    assert 0 == restore(site, backup, folder).exit_code


def test_another_identity_does_not_open_it(site: Site, tmp_path: Path) -> None:
    run("backup-key", tmp_path / "other.key")

    refused = run("restore", site.backup(), "--identity", tmp_path / "other.key", "--into", tmp_path / "new")

    assert 1 == refused.exit_code
    assert "does not open" in refused.output


def test_nothing_is_restored_over_a_database_that_has_rows(site: Site, tmp_path: Path) -> None:
    backup, folder = site.backup(), empty_machine(site, tmp_path)
    if "postgresql" not in load_config(site.config).database_url:
        assert 0 == restore(site, backup, folder).exit_code
    before = everything(site.config)

    refused = restore(site, backup, folder)

    assert 1 == refused.exit_code
    assert "not empty" in refused.output
    assert before == everything(site.config)


def test_a_restore_that_is_refused_brings_back_no_key_that_was_destroyed(
    site: Site, a_comment: Callable[[Head], SealedComment]
) -> None:
    """An older copy of the database opens with it and the root key."""
    backup = site.backup()
    database = opened(site.config)
    head = database.head(database.delivery(site.waits).incident)
    database.hand_over(site.waits, head=head, comments=[a_comment(head)], epoch=None, readers=())
    database.close()

    refused = restore(site, backup, site.config.parent)

    assert 1 == refused.exit_code
    assert "not empty" in refused.output
    assert [] == list(load_config(site.config).inbox_keys.iterdir())


@pytest.mark.parametrize("site", ["sqlite"], indirect=True)
def test_without_room_for_the_inbox_keys_nothing_is_restored_and_it_says_so(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup, folder, real = site.backup(), empty_machine(site, tmp_path), write_durably

    def fills_the_disk(file: Path, content: bytes) -> None:
        real(file, content)
        if file.suffix == ".key" and file.name != "service.key":
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(restoring, "write_durably", fills_the_disk)

    refused = restore(site, backup, folder)
    monkeypatch.undo()

    assert 1 == refused.exit_code
    assert "could not be written to" in refused.output
    assert "that its disk has room" in refused.output
    assert [] == everything(folder / "coc-server.toml")["inbox"]
    assert [] == list((folder / "inbox-keys").iterdir())
    assert 0 == restore(site, backup, folder).exit_code


def test_a_folder_with_other_files_is_left_as_it_is(site: Site, tmp_path: Path) -> None:
    folder = empty_machine(site, tmp_path)
    (folder / "github.token").write_text("another team's")

    refused = restore(site, site.backup(), folder)

    assert 1 == refused.exit_code
    assert "github.token is there already" in refused.output
    assert "another team's" == (folder / "github.token").read_text()


def test_without_the_root_key_it_says_what_is_lacking(site: Site, tmp_path: Path) -> None:
    backup = site.backup()

    refused = restore(site, backup, tmp_path / "new")

    assert 1 == refused.exit_code
    assert "root_key_file" in refused.output

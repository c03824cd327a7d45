"""Whether reports can be stored is known from the last try and from the folders, without writing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from webhook_server.store.room import seems_to_take_files, try_to_write
from webhook_server.storing import Storing

if TYPE_CHECKING:
    from pathlib import Path

POSTGRESQL = sa.make_url("postgresql+psycopg://127.0.0.1/coc")


@pytest.fixture
def storing(tmp_path: Path) -> Storing:
    return Storing(sa.make_url(f"sqlite:///{tmp_path}/coc.sqlite"), tmp_path / "inbox-keys")


def fail(storing: Storing) -> None:
    with pytest.raises(OSError, match="full"), storing.tried():
        raise OSError("full")


def test_the_last_try_counts(storing: Storing, tmp_path: Path) -> None:
    assert storing.is_possible()
    fail(storing)
    assert not storing.is_possible()

    with storing.tried():
        pass

    assert storing.is_possible()
    assert [] == list(tmp_path.iterdir()), "to ask writes nothing"


def test_a_server_that_nobody_asks_any_more_is_ready_again_for_a_try(tmp_path: Path) -> None:
    """A balancer that sends nothing to who is not ready would never let it show that the trouble is over."""
    clock = [0.0]
    storing = Storing(
        sa.make_url(f"sqlite:///{tmp_path}/coc.sqlite"), tmp_path / "inbox-keys", lambda: clock[0]
    )
    fail(storing)

    clock[0] = 299
    assert not storing.is_possible()

    clock[0] = 301
    assert storing.is_possible()


def test_a_keys_folder_that_is_lacking_matters_only_where_the_server_does_not_make_it(tmp_path: Path) -> None:
    keys = tmp_path / "share" / "inbox-keys"

    assert Storing(sa.make_url(f"sqlite:///{tmp_path}/coc.sqlite"), keys).is_possible()
    assert not Storing(POSTGRESQL, keys).is_possible()

    keys.mkdir(parents=True)
    assert Storing(POSTGRESQL, keys).is_possible()


def test_a_file_in_the_place_of_a_folder_takes_nothing(storing: Storing, tmp_path: Path) -> None:
    (tmp_path / "inbox-keys").touch()

    assert not storing.is_possible()
    assert "NotADirectoryError" == try_to_write(tmp_path / "inbox-keys")


def test_a_folder_of_a_database_that_is_gone_is_known(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()

    assert not Storing(sa.make_url(f"sqlite:///{tmp_path}/gone/coc.sqlite"), tmp_path / "keys").is_possible()


def test_a_folder_that_this_account_may_not_write_to_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o500)
    if os.geteuid() == 0:  # for root the mode does not count, so the system's answer is put in its place
        monkeypatch.setattr(os, "access", lambda _folder, asked: not asked & os.W_OK)

    assert not seems_to_take_files(tmp_path)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("blocks", "files", "takes"), [(1000, 10, True), (0, 10, False), (1000, 0, False), (1, 10, False)]
)
def test_a_disk_without_blocks_or_without_inodes_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int, files: int, *, takes: bool
) -> None:
    found = os.statvfs_result((4096, 4096, 5000, blocks, blocks, 100, files, files, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _folder: found)

    assert takes is seems_to_take_files(tmp_path)


def test_a_file_system_that_counts_no_inodes_is_not_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = os.statvfs_result((4096, 4096, 5000, 1000, 1000, 0, 0, 0, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _folder: found)

    assert seems_to_take_files(tmp_path)


def test_what_is_tried_leaves_nothing(tmp_path: Path) -> None:
    assert try_to_write(tmp_path) is None
    assert [] == list(tmp_path.iterdir())
    assert "FileNotFoundError" == try_to_write(tmp_path / "nothing")

"""A secret that others can open is a mistake, and one pasted in the wrong place is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.config.conftest import LEAST, load, mistakes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "mode", "mistake"),
    [
        ("root.key", 0o640, "[server].root_key_file: the file is open to other accounts"),
        ("service.key", 0o604, "[server].service_key_file: the file is open to other accounts"),
        ("github.token", 0o604, "[spaces.conduct].token_file: the file is open to other accounts"),
        ("typeform.secret", 0o602, "[sources.report-form]: file 1 of secret_files: the file is open to"),
    ],
)
def test_a_secret_that_others_can_open_is_a_mistake(folder: Path, name: str, mode: int, mistake: str) -> None:
    (folder / name).chmod(mode)

    (found,) = mistakes(folder, LEAST)

    assert found.startswith(mistake)
    assert "canary" not in found


def test_a_group_may_share_what_is_not_a_key(folder: Path) -> None:
    (folder / "github.token").chmod(0o640)
    (folder / "typeform.secret").chmod(0o640)

    assert load(folder, LEAST).spaces


PASTED = "AGE-SECRET-KEY-1CANARY"


@pytest.mark.parametrize(
    ("old", "entry"),
    [
        ('"root.key"', "[server].root_key_file"),
        ('"service.key"', "[server].service_key_file"),
        ('"roster.toml"', "[server].roster"),
        ('"github.token"', "[spaces.conduct].token_file"),
        ('"typeform.secret"', "[sources.report-form]: file 1 of secret_files "),
        ('"roster.toml"\n', "[server].process"),
    ],
)
@pytest.mark.parametrize("pasted", [PASTED, PASTED * 200, f"{PASTED}\\u0000"])
def test_a_secret_that_was_pasted_where_a_path_belongs_is_not_shown(
    folder: Path, old: str, entry: str, pasted: str
) -> None:
    new = f'"{pasted}"' if "process" not in entry else f'"roster.toml"\nprocess = "{pasted}"\n'

    (found,) = mistakes(folder, LEAST.replace(old, new))

    assert found.startswith(entry)
    assert "CANARY" not in found

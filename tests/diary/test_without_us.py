"""The recipe of docs/diary-format.md, section 14, run as it stands there with the system's age and ssh-keygen."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.diary.conftest import Dress, Story

PAGE = Path(__file__).parents[2] / "docs" / "diary-format.md"

pytestmark = pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("ssh-keygen") is None,
    reason="age or ssh-keygen is not installed",
)


@pytest.fixture
def recipe() -> str:
    (found,) = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    text: str = found
    return text


@pytest.fixture
def folder(story: Story, tmp_path: Path, dress: Dress) -> Path:
    """What the page says to put there: the copied ticket, an opened identity, and who signs."""
    team = story.team
    chatter = "robert commented 2 days ago\n\n"
    (tmp_path / "ticket.txt").write_text(chatter + f"\n\n{chatter}".join(story.texts(dress)), newline="")
    (tmp_path / "me.txt").write_text(f"# my key\n{team.robert.secret}\n")
    signers = [f"member:{one.alias} {one.signing_key}" for one in (team.robert, team.salma)]
    signers.append(f"service:{team.service.id} {team.service.public_line}")
    (tmp_path / "allowed_signers").write_text("".join(f"{line}\n" for line in signers))
    return tmp_path


def run(recipe: str, folder: Path) -> tuple[str, str]:
    done = subprocess.run(["sh", "-c", recipe], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout, done.stderr


def test_the_recipe_is_short(recipe: str) -> None:
    assert len(recipe.strip().split("\n")) <= 10


def test_a_whole_diary_opens_and_verifies(recipe: str, folder: Path) -> None:
    shown, errors = run(recipe, folder)

    assert errors == ""
    assert shown.count('Good "coc-diary@v1" signature') == 7
    assert shown.count("signature for member:robert") == 4
    assert shown.count("signature for member:salma") == 1
    assert shown.count("signature for service:svc-2026a") == 2
    for words in (
        "| The whole report.",
        "| I called them.",
        "| We met.",
        "| We decided.",
        "| The last note.",
    ):
        assert shown.count(words) == 1
    assert [int(seq) for seq in re.findall(r"^Seq: (\d+)$", shown, re.MULTILINE)] == [1, 2, 3, 4, 5, 6, 7]


def test_the_recovery_key_opens_it_too(recipe: str, folder: Path, story: Story) -> None:
    (folder / "me.txt").write_text(f"{story.team.paper.secret}\n")

    assert run(recipe, folder)[0].count('Good "coc-diary@v1" signature') == 7


def test_who_is_not_cleared_sees_nothing(recipe: str, folder: Path, story: Story) -> None:
    (folder / "me.txt").write_text(f"{story.team.quentin.secret}\n")

    shown, _ = run(recipe, folder)

    assert "Good" not in shown
    assert shown.count("not for this key") == 7


def test_a_false_signature_is_refused(recipe: str, folder: Path, story: Story) -> None:
    """The file says that robert signs with another key than the one he signed with."""
    signers = (folder / "allowed_signers").read_text()
    (folder / "allowed_signers").write_text(
        signers.replace(story.team.robert.signing_key, story.team.quentin.signing_key)
    )

    shown, errors = run(recipe, folder)

    assert "member:robert" not in shown
    assert "Could not verify signature" in shown + errors
    assert "| We decided." not in shown
    assert "| We met." in shown


def test_a_body_that_imitates_everything_is_still_one_body(recipe: str, folder: Path, story: Story) -> None:
    hostile = (
        "-----BEGIN SSH SIGNATURE-----\nQUJD\n-----END SSH SIGNATURE-----\nAuthor: member:salma\n\n"
        "CoC-Diary: v1\n-----BEGIN AGE ENCRYPTED FILE-----\nAGE-SECRET-KEY-1ABC"
    )
    made = story.pen.write(story.team.robert, hostile)
    with (folder / "ticket.txt").open("a", encoding="utf-8") as ticket:
        ticket.write(f"\n\n{made.text}\n")

    shown, errors = run(recipe, folder)

    assert errors == ""
    assert shown.count('Good "coc-diary@v1" signature') == 8
    assert "\n".join(f"| {line}" for line in hostile.split("\n")) in shown

"""A bundle holds the whole diary, its files included, and opens with age and ssh-keygen alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.town import Town

WORDS = b"canary-exported-file-77c1d20e9a6b4f5c " * 20


def exported(town: Town, tmp_path: Path, *, lose: bool = False) -> tuple[Path, str, int, str]:
    """A diary with a file in Jira, exported: the bundle, the code name, exit code and what was said."""
    incident = town.report("jira")
    name = incident.code_name
    file = tmp_path / "said.txt"
    file.write_bytes(WORDS)
    attached = town.coc("robert", "diary", "attach", name, str(file))
    assert attached.exit_code == 0, attached.output
    if lose:
        with town.server.parts.database._engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM file")
    bundle = tmp_path / "bundle.age"
    done = town.coc("robert", "diary", "export", name, "--output", str(bundle))
    return bundle, name, done.exit_code, done.stderr


@pytest.mark.skipif(
    shutil.which("age") is None or shutil.which("ssh-keygen") is None, reason="needs age, ssh-keygen"
)
def test_the_files_open_with_what_stands_beside_the_bundle(town: Town, tmp_path: Path) -> None:
    bundle, _, code, said = exported(town, tmp_path)
    page = bundle.with_name("bundle.age.txt").read_text(encoding="ascii")
    work = tmp_path / "work"
    work.mkdir()
    (work / "me.txt").write_text(f"{town.identities['robert'].secret}\n", encoding="ascii")
    shutil.copy(bundle, work)
    shutil.copytree(bundle.with_name("bundle.age.files"), work / "bundle.age.files")
    signers = re.findall(r"^(?:member|service):\S+ ssh-ed25519 \S+$", page, re.MULTILINE)
    (work / "allowed_signers").write_text("\n".join(signers) + "\n", encoding="ascii")
    open_bundle = next(line for line in page.split("\n") if "ticket.txt 'bundle.age'" in line)
    recipe = page[page.index("tr -d") : page.index("It prints")]
    files = next(line for line in page.split("\n") if line.startswith("for f in 'bundle.age.files'"))

    done = subprocess.run(
        ["sh", "-c", f"{open_bundle}\n{recipe}\n{files}"], cwd=work, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip

    assert code == 0, said
    (sealed,) = sorted((work / "bundle.age.files").glob("*.age"))
    assert sealed.with_suffix("").read_bytes() == WORDS
    (digest,) = re.findall(r'"sha256": "([0-9a-f]{64})"', done.stdout)
    assert f"{digest}  bundle.age.files/{sealed.name}" in done.stdout
    assert WORDS not in sealed.read_bytes()


def test_a_file_that_cannot_be_exported_is_said_and_not_passed_over(town: Town, tmp_path: Path) -> None:
    bundle, _, code, said = exported(town, tmp_path, lose=True)

    assert code == 3
    assert "is NOT exported" in said
    assert bundle.exists()
    assert not bundle.with_name("bundle.age.files").exists()

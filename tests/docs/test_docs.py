"""The documentation against reality: links lead somewhere, commands exist, nothing of this machine is named."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/*.md")])


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name for name in listed.decode().split("\0") if name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert [] == missing


@pytest.mark.parametrize("host", ["jira", "github"])
def test_each_trap_of_a_hosts_library_names_tests_that_exist(host: str) -> None:
    page = (ROOT / "docs" / "hosts" / f"{host}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob(f"tests/{host}_host/**/*.py"))

    assert len(named) > 20
    assert named <= set(re.findall(r"def (test_\w+)\(", code))


def test_the_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))

    assert {"demo", "test"} <= named <= targets


def test_help_lists_every_target_with_a_description() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert {"demo", "sandbox", "test", "check", "needs", "bench", "lock"} <= set(
        re.findall(r"make ([a-z]+) ", shown)
    )


def test_lock_files_carry_hashes_and_no_addresses() -> None:
    for lock in ROOT.glob("requirements/*.txt"):
        text = lock.read_text(encoding="utf-8")
        pinned = re.findall(r"^([a-zA-Z0-9_.-]+)==", text, re.MULTILINE)

        assert len(pinned) > 20
        assert "://" not in text
        assert text.count("--hash=sha256:") >= len(pinned)


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile(rb"py" rb"pi\.org|python" rb"hosted|registry\.npm" rb"js|deb\.deb" rb"ian\.org")
    naming = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.is_file() and hosts.search(path.read_bytes())
    ]

    assert [] == naming


def test_the_licence_is_named_once_and_the_same() -> None:
    named = re.search(
        r'^license = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    )

    assert named is not None
    assert f"SPDX-License-Identifier: {named[1]}" in (ROOT / "LICENSE").read_text(encoding="utf-8")

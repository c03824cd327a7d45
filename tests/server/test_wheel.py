"""What people install: the wheel has all that runs, and what it needs is in the lock with hashes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).parents[2]
PACKAGES = ("integration", "webhook_server", "desk", "sandbox")
PATIENCE = 60


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git has, in a folder of its own: what an earlier build left here must not get in."""
    source = tmp_path_factory.mktemp("source")
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()  # fmt: skip
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    made = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
         "--no-build-isolation", "--wheel-dir", str(made), str(source)],
        check=True,
    )  # fmt: skip
    (file,) = made.iterdir()
    return file


@dataclass
class Installed:
    """A virtual environment that has our wheel, and this one's packages beside it in place of a download."""

    folder: Path

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "bin" / command[0]), *map(str, command[1:])],
            cwd=cwd, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("installed") / "venv")
    venv.create(made.folder, symlinks=True)
    python = made.folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check",
         "--no-index", "--no-deps", str(wheel)],
        check=True,
    )  # fmt: skip
    # A path in a .pth file brings packages and not the .pth files beside them, so this checkout is not among them.
    here = sysconfig.get_paths()["purelib"]
    (site,) = made.folder.glob("lib/python3*/site-packages")
    (site / "packages-of-the-tests.pth").write_text(f"{here}\n", encoding="utf-8")
    return made


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_the_wheel_has_every_module_and_data_file_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".toml", ".graphql", ".typed"} and "__pycache__" not in path.parts
    }

    assert here == inside
    assert {"integration/data/process.toml", "integration/data/code_names.toml"} < inside
    assert any("migrations/versions/r0001" in name for name in inside)


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (one for one in opened.namelist() if one.endswith(".dist-info/METADATA"))
        return Parser().parsestr(opened.read(name).decode())


def test_all_that_is_needed_is_locked_with_hashes_and_the_stand_ins_parser_is_an_extra(wheel: Path) -> None:
    wanted = metadata(wheel).get_all("Requires-Dist") or []
    plain = {re.split(r"[^\w.-]", one)[0].lower() for one in wanted if "extra ==" not in one}
    lock = (ROOT / "requirements" / "server.txt").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([\w.-]+)(?:\[[a-z,]+\])?==", lock, re.MULTILINE))

    assert {"dbos", "flask", "jira", "prometheus-client"} < plain <= locked
    assert {"psycopg", "psycopg-binary"} < locked
    assert "graphql-core" not in plain | locked
    assert any(one.startswith("graphql-core") and "extra ==" in one for one in wanted)


def test_what_was_installed_is_what_runs_and_says_its_version(
    installed: Installed, wheel: Path, empty: Path
) -> None:
    where = installed.run("python", "-c", "import webhook_server; print(webhook_server.__file__)", cwd=empty)

    assert where.stdout.startswith(str(installed.folder))
    assert "Usage: coc " in installed.run("coc", "--help", cwd=empty).stdout
    said = {installed.run(command, "--version", cwd=empty).stdout for command in ("coc", "coc-server")}
    assert {f"coc-mirror {metadata(wheel)['Version']}\n"} == said


def test_from_an_empty_folder_to_a_list_of_what_is_missing(installed: Installed, empty: Path) -> None:
    made = installed.run("coc-server", "init", ".", cwd=empty)
    checked = installed.run("coc-server", "check", cwd=empty)

    assert 0 == made.returncode
    assert "[[service_keys]]" in made.stdout
    assert {"coc-server.toml", "root.key", "service.key"} == {path.name for path in empty.iterdir()}
    assert 1 == checked.returncode
    assert "[server].roster" in checked.stderr
    assert "[spaces.conduct].token_file" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_it_serves(installed: Installed, filled_in: Path, free_port: int, empty: Path) -> None:
    filled_in.write_text(filled_in.read_text().replace("8800", str(free_port)))
    assert 0 == installed.run("coc-server", "check", "--config", filled_in, cwd=empty).returncode
    server = subprocess.Popen(
        [installed.folder / "bin" / "coc-server", "serve", "--config", filled_in], cwd=empty,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert "ok\n" == ready(f"http://127.0.0.1:{free_port}/health/ready", server)
        status = installed.run("coc-server", "status", "--config", filled_in, cwd=empty)
    finally:
        server.terminate()
        server.wait(PATIENCE)

    warnings = [line for line in status.stdout.splitlines() if line.startswith("! ")]
    # No host answers here, so what is due by the clock may have failed already.
    warnings = [one for one in warnings if "fails since" not in one]
    assert ["! [spaces.conduct]: who can read it was never proven"] == [one[:52] for one in warnings]
    assert (1, 0) == (status.returncode, server.returncode)
    assert [] == list(empty.iterdir())


def ready(url: str, server: subprocess.Popen[bytes]) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            return requests.get(url, timeout=5).text
        except requests.ConnectionError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")

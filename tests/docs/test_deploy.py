"""What deploy/ has for the machine in front and around: only our doors are open, and nothing of a body is kept."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from shutil import which

import pytest

from webhook_server.receiving import LARGEST_FILE

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOORS = {"/in/", "/from/", "/api/", "/health/"}


def read(name: str) -> str:
    """A file without its comments."""
    return re.sub(r"^\s*#.*$", "", (DEPLOY / name).read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_an_upgrade_stops_the_server_before_it_installs_and_starts_it_after() -> None:
    """An old server misreads what a new command wrote, and mails about it at each turn."""
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    upgrade = page.partition("\n## Upgrade\n")[2].partition("\n## ")[0]
    commands = upgrade.partition("```sh\n")[2].partition("```")[0].splitlines()
    install = [number for number, line in enumerate(commands) if "/pip install" in line]

    assert install
    assert commands.index("systemctl stop coc-mirror") < min(install)
    assert commands.index("systemctl start coc-mirror") > max(install)
    assert "Stop the servers and workers of all machines before the first installs" in upgrade


def test_nginx_lets_only_our_doors_through() -> None:
    places = re.findall(r"location (\S+) \{(.*?)\}", read("nginx.conf"), re.DOTALL)

    assert DOORS == {path for path, inner in places if "proxy_pass" in inner}
    assert 2 == len([path for path, inner in places if path == "/" and "return 404;" in inner])


def test_nginx_keeps_no_body_and_logs_no_request() -> None:
    site = read("nginx.conf")

    for line in ("proxy_request_buffering off;", "proxy_buffering off;", "proxy_max_temp_file_size 0;"):
        assert line in site
    assert site.count("access_log off;") == site.count("server {")
    assert re.search(r"error_log \S+ crit;", site)


def test_caddy_lets_only_our_doors_through_and_logs_no_request() -> None:
    site = read("Caddyfile")
    places = re.findall(r"\thandle (\S*?)\*? ?\{(.*?)\n\t\}", site, re.DOTALL)

    assert DOORS == {path for path, inner in places if "reverse_proxy" in inner}
    assert ["respond 404"] == [inner.strip() for path, inner in places if not path]
    assert "exclude http.log.error http.handlers.reverse_proxy" in site
    assert not re.search(r"^\tlog\b(?! default)", site.partition("coc.example.org {")[2], re.MULTILINE)


def test_neither_waits_for_a_head_without_end_nor_holds_back_a_body_until_it_is_whole() -> None:
    nginx, caddy = read("nginx.conf"), read("Caddyfile")

    assert re.search(r"^\s+client_header_timeout 10s;$", nginx, re.MULTILINE)
    assert re.search(r"\ttimeouts \{\s+read_header 10s\s+read_body 10m\s+idle 2m\s+\}", caddy)
    assert "proxy_request_buffering on" not in nginx
    assert "request_buffers" not in caddy
    assert re.search(r"^\s+limit_conn coc-mirror 100;$", nginx, re.MULTILINE)


def test_both_take_files_as_large_as_the_server_does_and_leave_reports_that_are_too_large_to_it() -> None:
    for door in ("in", "from"):
        assert re.search(rf"location /{door}/ \{{\s*client_max_body_size 0;", read("nginx.conf"))
        assert re.search(rf"handle /{door}/\* \{{\s*reverse_proxy", read("Caddyfile"))
    assert re.search(r"location /api/ \{\s*client_max_body_size 32m;", read("nginx.conf"))
    assert re.search(r"handle /api/\* \{\s*request_body \{\s*max_size 32MiB", read("Caddyfile"))
    assert LARGEST_FILE == 32 * 1024**2


@pytest.mark.skipif(which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", ["coc-mirror.service", "coc-backup.service"])
def test_systemd_understands_the_unit_and_calls_it_well_confined(tmp_path: Path, name: str) -> None:
    unit = tmp_path / name
    unit.write_text((DEPLOY / name).read_text().replace("/usr/local/bin/coc-server", "/bin/true"))

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    secure = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (0, "") == (verified.returncode, verified.stderr)
    assert 0 == secure.returncode, secure.stdout


@pytest.mark.skipif(which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_when_backups_are_made(tmp_path: Path) -> None:
    for name in ("coc-backup.timer", "coc-backup.service"):
        text = (DEPLOY / name).read_text().replace("/usr/local/bin/coc-server", "/bin/true")
        (tmp_path / name).write_text(text)

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / "coc-backup.timer")],
        capture_output=True, text=True, check=False, env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert (0, "") == (verified.returncode, verified.stderr)


def test_the_image_has_every_package_no_secret_and_another_account_than_root() -> None:
    steps = (ROOT / "Containerfile").read_text(encoding="utf-8")
    copied = set(re.findall(r"^COPY (\w+) \1$", steps, re.MULTILINE))
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]

    assert {name.partition(".")[0] for name in packages} == copied
    assert "--require-hashes" in steps
    assert steps.rindex("USER coc") > steps.rindex("FROM")
    assert not re.search(r"^(ARG|COPY \.|ADD)|--mount=type=secret", steps, re.MULTILINE)


def test_a_container_is_given_as_long_to_stop_as_the_unit_gives() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", read("coc-mirror.service"), re.MULTILINE)

    assert f"--stop-timeout={seconds} " in (ROOT / "Containerfile").read_text(encoding="utf-8")


def test_the_commands_of_the_page_are_those_of_the_files() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")

    assert "ln -s /opt/coc-mirror/bin/coc-server /usr/local/bin/coc-server\n" in page
    assert "PIPX_BIN_DIR=/usr/local/bin" in page
    for unit, command in (("coc-mirror", "serve"), ("coc-backup", "backup /var/backups/coc")):
        assert f"ExecStart=/usr/local/bin/coc-server {command} --config /etc/coc/coc-server.toml" in read(f"{unit}.service")
    for file in ("deploy/coc-backup.service", "deploy/coc-backup.timer", "deploy/coc-mirror.service", "deploy/Caddyfile", "deploy/nginx.conf", "deploy/prometheus.yml", "deploy/prometheus-rules.yml", "Containerfile"):
        assert f"(../{file})" in page

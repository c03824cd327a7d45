"""What a web server in front, with our file for it, makes of a report that is too large: we hear of it, and it is not kept."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.intake.conftest import Door
from webhook_server.door import make_door
from webhook_server.intake.not_received import not_received

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import SetClock

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX = which("nginx") or "/usr/sbin/nginx"
CADDY = which("caddy") or "/usr/bin/caddy"
MB = 1_000_000
PIECE = b"x" * 65_536


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Behind:
    """Our door, and one of the web servers in front of it with its file from deploy/: without TLS, on other ports."""

    def __init__(self, name: str, folder: Path, door: Door) -> None:
        self.folder = folder
        self.door = door
        self._server = cast(
            "Any",
            make_door(
                door.app, "127.0.0.1", 0, turned_away=not_received({"paper"}, door._alert, lambda _: None)
            ),
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.port = free_port()
        ours = f"127.0.0.1:{self._server.effective_port}"
        command = self._nginx(ours) if name == "nginx" else self._caddy(ours)
        self._process = subprocess.Popen(
            command,
            cwd=folder,
            env={"HOME": str(folder), "TMPDIR": str(folder), "XDG_CONFIG_HOME": str(folder / "settings")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not self._listens():
            assert self._process.poll() is None
            time.sleep(0.05)

    def _nginx(self, ours: str) -> list[str]:
        site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
        for written, instead in (
            (r"listen 443 ssl http2;", f"listen 127.0.0.1:{self.port};"),
            (r"listen 80;", f"listen 127.0.0.1:{free_port()};"),
            (r"listen \[::\]:.*|ssl_certificate.*", ""),
            (r"127\.0\.0\.1:8800", ours),
            (r"/var/log/nginx/", f"{self.folder}/"),
        ):
            site = re.sub(written, instead, site)
        kept = self.folder / "kept"
        kept.mkdir()
        places = "".join(
            f"{kind}_temp_path {kept};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        file = self.folder / "nginx.conf"
        file.write_text(f"pid {self.folder}/pid; events {{}} http {{ {places}\n{site}\n}}")
        return [
            NGINX,
            "-c",
            str(file),
            "-e",
            f"{self.folder}/errors",
            "-g",
            "daemon off; master_process off;",
        ]

    def _caddy(self, ours: str) -> list[str]:
        site = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
        site = site.replace("coc.example.org {", f"http://127.0.0.1:{self.port} {{").replace(
            "127.0.0.1:8800", ours
        )
        file = self.folder / "Caddyfile"
        file.write_text(re.sub(r"^\{$", "{\n\tadmin off", site, count=1, flags=re.MULTILINE))
        return [CADDY, "run", "--config", str(file), "--adapter", "caddyfile"]

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def _run(self) -> None:
        while not self._over.is_set():
            self._server.asyncore.loop(timeout=0.01, map=self._server._map, count=1, use_poll=True)

    def files(self) -> dict[Path, int]:
        """What lies in its folders and when it was changed, but for the settings that Caddy keeps by itself."""
        return {
            path: path.stat().st_mtime_ns for path in self.folder.rglob("*") if "settings" not in path.parts
        }

    def status_of(self, size: int, *, in_pieces: bool) -> int:
        """The answer to a body of so many bytes, which is sent until there is one."""
        length = "Transfer-Encoding: chunked" if in_pieces else f"Content-Length: {size}"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as peer:
            peer.sendall(
                f"POST /in/paper HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{length}\r\n\r\n".encode()
            )
            with suppress(ConnectionError):
                for sent in range(0, size, len(PIECE)):
                    piece = PIECE[: size - sent]
                    peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if in_pieces else piece)
                if in_pieces:
                    peer.sendall(b"0\r\n\r\n")
            answer = peer.recv(1000)
        return int(answer.split(b" ", 2)[1])

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._over.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        self._server.asyncore.close_all(self._server._map)


@pytest.fixture(
    params=[
        pytest.param(
            name, marks=pytest.mark.skipif(not Path(path).exists(), reason=f"{name} is not installed")
        )
        for name, path in (("nginx", NGINX), ("caddy", CADDY))
    ]
)
def behind(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Behind]:
    web_server = Behind(request.param, tmp_path, Door(clock))
    yield web_server
    web_server.close()


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_report_of_any_size_that_is_too_large_is_answered_logged_and_told_by_us(
    behind: Behind, caplog: pytest.LogCaptureFixture, *, in_pieces: bool
) -> None:
    before = behind.files()

    for size in (21 * MB // 10, 5 * MB, 100 * MB):
        caplog.clear()
        behind.door.alerts.clear()

        assert 413 == behind.status_of(size, in_pieces=in_pieces), size
        assert [("paper", "too-large")] == behind.door.alerts
        assert 1 == caplog.text.count("event=intake source=paper outcome=too-large")

    assert before == behind.files(), "nothing was kept"

"""A server for this machine alone: the page, and the steps as the C computes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Lock
from typing import Any

HOST = "127.0.0.1"
"""Loopback: nobody else can reach it."""

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'"
)
"""The page may run its own script and ask its own server, and load nothing."""

Steps = Callable[[], Iterator[dict[str, Any]]]


def page(about: dict[str, Any], recorded: list[dict[str, Any]] | None = None) -> str:
    """The page.

    Args:
        about: what :meth:`snnc.live.session.Session.about` gave, and the recording's name.
        recorded: every step, for a page that works from disk; None: the page asks the server.
    """
    text = (files("snnc.live") / "live.html").read_text("utf-8")
    data = _script_json({"about": about, "recorded": recorded})
    return text.replace("/*DATA*/null", data)


def _script_json(data: dict[str, Any]) -> str:
    """JSON that cannot end the script it stands in, whatever a file is called."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


class Server(ThreadingHTTPServer):
    """Serves one session on loopback; ``/`` is the page, ``/steps`` runs the recording anew.

    Args:
        about: for the page.
        steps: runs the recording; one run at a time.
        port: 0 for any that is free.
    """

    daemon_threads = True

    def __init__(self, about: dict[str, Any], steps: Steps, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.page = page(about).encode()
        self.steps = steps
        self.running = Lock()

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer the page or the steps; only to a browser that asked for this very address."""
        if self.headers.get("Host") not in _names(self.server.server_port):
            self.send_error(HTTPStatus.FORBIDDEN, "not this host")
        elif self.path == "/":
            self._begin("text/html; charset=utf-8")
            self.wfile.write(self.server.page)
        elif self.path == "/steps":
            self._begin("application/x-ndjson")
            self._write_steps()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _write_steps(self) -> None:
        """A line of JSON a step; a browser that goes away ends the run."""
        with self.server.running:
            for step in self.server.steps():
                try:
                    self.wfile.write(json.dumps(step, allow_nan=False).encode() + b"\n")
                except (BrokenPipeError, ConnectionResetError):
                    return

    def _begin(self, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""


def _names(port: int) -> tuple[str, str]:
    """What a browser on this machine calls the server. Another name is a page of somebody else's
    whose address was made to lead here."""
    return f"{HOST}:{port}", f"localhost:{port}"

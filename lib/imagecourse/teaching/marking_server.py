"""The marking page served to one browser on this machine, and what is entered there saved at once."""

import json
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from imagecourse.teaching.marking import enter_mark, marking_page

HOST = "127.0.0.1"
LONGEST_ENTRY = 100_000  # bytes
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class MarkingServer(ThreadingHTTPServer):
    """Serves the marks of one graded class; `address` is what to open, serve_forever runs it.

    The address holds a secret, so that no other page and no other user of this machine can reach it.
    """

    def __init__(self, graded: Path, port: int = 0):
        """port: 0 takes any. Raises: FileNotFoundError where nothing has been graded; OSError for a port in use."""
        marking_page(graded, saves=True)
        super().__init__((HOST, port), _Handler)
        self.graded, self.lock, self.secret = graded, threading.Lock(), secrets.token_urlsafe(24)
        self.address = f"http://{HOST}:{self.server_port}/{self.secret}/"


class _Handler(BaseHTTPRequestHandler):
    server: MarkingServer

    def do_GET(self) -> None:
        if self._is_known(""):
            with self.server.lock:
                page = marking_page(self.server.graded, saves=True)
            self._reply(HTTPStatus.OK, page, "text/html; charset=utf-8")

    def do_POST(self) -> None:
        if not self._is_known("save"):
            return
        try:
            if self.headers.get_content_type() != "application/json":
                raise ValueError("JSON is wanted")
            length = int(self.headers.get("Content-Length", "0"))
            entry = json.loads(self.rfile.read(length)) if 0 <= length <= LONGEST_ENTRY else None
            with self.server.lock:
                enter_mark(self.server.graded, entry)
        except (ValueError, TypeError, AttributeError) as error:
            self._reply(HTTPStatus.BAD_REQUEST, json.dumps({"error": str(error)}), "application/json")
        else:
            self._reply(HTTPStatus.OK, "{}", "application/json")

    def _is_known(self, place: str) -> bool:
        """Whether our own page asks: by its secret, and under our own name."""
        known = secrets.compare_digest(self.path.encode(), f"/{self.server.secret}/{place}".encode())
        port = self.server.server_port
        if known and self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}"):
            return True
        self._reply(HTTPStatus.NOT_FOUND, "not here", "text/plain")
        return False

    def _reply(self, status: HTTPStatus, text: str, kind: str) -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing is logged: addresses hold the secret."""

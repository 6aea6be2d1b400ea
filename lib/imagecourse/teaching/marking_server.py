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


def make_server(graded: Path, port: int = 0) -> tuple[ThreadingHTTPServer, str]:
    """A server for the marks of a graded class, and the address to open; serve_forever runs it.

    The address holds a secret, so that no other page and no other user of this machine can reach it. port: 0 takes any.
    Raises: FileNotFoundError where nothing has been graded; OSError for a port that is taken.
    """
    marking_page(graded, saves=True)
    secret, lock = secrets.token_urlsafe(24), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self._is_known(f"/{secret}/"):
                return
            with lock:
                page = marking_page(graded, saves=True)
            self._reply(HTTPStatus.OK, page, "text/html; charset=utf-8")

        def do_POST(self) -> None:
            if not self._is_known(f"/{secret}/save") or self.headers.get_content_type() != "application/json":
                return
            try:
                length = int(self.headers.get("Content-Length", "0"))
                entry = json.loads(self.rfile.read(length)) if 0 <= length <= LONGEST_ENTRY else None
                with lock:
                    enter_mark(graded, entry)
            except (ValueError, TypeError, AttributeError) as error:
                self._reply(HTTPStatus.BAD_REQUEST, json.dumps({"error": str(error)}), "application/json")
            else:
                self._reply(HTTPStatus.OK, "{}", "application/json")

        def _is_known(self, path: str) -> bool:
            """Whether this is asked by our own page: by its secret, under our own name."""
            known = secrets.compare_digest(self.path.encode(), path.encode())
            if known and self.headers.get("Host") in (
                f"{HOST}:{server.server_port}",
                f"localhost:{server.server_port}",
            ):
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
            pass

    server = ThreadingHTTPServer((HOST, port), Handler)
    return server, f"http://{HOST}:{server.server_port}/{secret}/"

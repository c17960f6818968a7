"""A proxy in front of an MLflow server, with faults to choose."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUS = {"500": 500, "502": 502, "429": 429, "403": 403}
HTML = b"<html><body>Sign in to the network</body></html>"


@dataclass
class Proxy:
    """The fault of a proxy, which may be changed at any time."""

    port: int
    backend: int
    fault: str = ""
    """A status, html, cut off, dropped or silent; if empty, requests pass."""

    only: str = ""
    """Pattern of the paths that fail."""

    after: str = ""
    """Pattern of the request after which the fault begins."""

    requests: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def uri(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self.port}"

    def fail(self, fault: str, only: str = "", after: str = "") -> None:
        """Fail from now on, or from a request on."""
        self.fault, self.only, self.after = fault, only, after
        self.requests.clear()
        self.released.clear()

    def heal(self) -> None:
        """Pass all requests on again."""
        self.fault = ""
        self.released.set()

    def fault_of(self, path: str) -> str:
        """Return the fault of a request, empty if it passes."""
        begun = not self.after or any(re.search(self.after, r) for r in self.requests)
        return self.fault if begun and re.search(self.only, path) else ""


@contextmanager
def faulty_proxy(backend: int) -> Iterator[Proxy]:
    """Run a proxy in front of a port of this machine until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.proxy = Proxy(server.server_port, backend)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.proxy  # type: ignore[attr-defined]
    finally:
        server.proxy.heal()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Handles one request."""

    def handle_one(self) -> None:
        """Pass a request on, or fail."""
        proxy: Proxy = self.server.proxy  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match fault := proxy.fault_of(self.path):
            case "html":
                self.answer(200, HTML, "text/html")
            case "silent":
                proxy.released.wait()
            case "dropped":
                pass
            case _ if fault in STATUS:
                self.answer(STATUS[fault], HTML, "text/html")
            case _:
                status, content, kind = self.ask(proxy.backend, body)
                cut = len(content) // 2 if fault else len(content)
                self.answer(status, content, kind, cut)
        proxy.requests.append(self.path)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_one

    def ask(self, port: int, body: bytes) -> tuple[int, bytes, str]:
        """Return status, content and type of the server's answer."""
        headers = {
            key: value
            for key, value in self.headers.items()
            if key not in ("Transfer-Encoding", "Connection", "Accept-Encoding")
        }
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type") or "application/json"
            return answer.status, answer.read(), kind

    def answer(
        self, status: int, content: bytes, kind: str, cut: int | None = None
    ) -> None:
        """Send an answer, or only the part before ``cut``."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "60")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut])

    def log_message(self, format: str, *values: object) -> None:
        """Log nothing."""

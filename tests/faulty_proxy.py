"""An HTTP proxy before a real server that breaks what passes, as networks and busy servers do."""

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Fault = str
"""One of: "" (none), 500, 503, reset (in mid-body), short (truncated body), lost (done, but not answered), slow,
flip (a byte of the body is another)."""

BUSY = b'<?xml version="1.0"?><Error><Code>%s</Code><Message>%s</Message></Error>'


class FaultyProxy:
    """`choose(method, path, number)` says what happens to each request; `number` counts from 0."""

    def __init__(self, upstream: str, choose: Callable[[str, str, int], Fault]) -> None:
        target = urlsplit(upstream)
        self.choose = choose
        self.count = 0
        self.lock = threading.Lock()
        self.seen: list[tuple[str, str, Fault]] = []
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_any(self) -> None:
                body = self._body()
                with proxy.lock:
                    fault = proxy.choose(self.command, self.path, proxy.count)
                    proxy.count += 1
                    proxy.seen.append((self.command, self.path, fault))
                if fault in ("500", "503"):
                    code = b"InternalError" if fault == "500" else b"SlowDown"
                    return self._answer(int(fault), {}, BUSY % (code, code))
                if fault == "slow":
                    time.sleep(0.3)
                upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
                upstream.request(self.command, self.path, body, dict(self.headers))
                answer = upstream.getresponse()
                data = answer.read()
                headers = {k: v for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection")}
                if fault == "flip" and self.command == "GET" and data:
                    data = data[:-1] + bytes([data[-1] ^ 1])
                if fault == "lost":
                    return self._reset()
                if fault in ("reset", "short") and self.command == "GET" and data:
                    self._answer(answer.status, headers | {"Content-Length": str(len(data))}, data[: len(data) // 2])
                    return self._reset() if fault == "reset" else self._close()
                if fault in ("reset", "short"):
                    return self._reset()
                return self._answer(answer.status, headers, data)

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = handle_any

            def _body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    parts = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts.append(b"%x\r\n%s\r\n" % (size, self.rfile.read(size)))
                        self.rfile.readline()
                    trailer = b"".join(iter(self.rfile.readline, b"\r\n"))
                    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def _answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in ("content-length", "date", "server") or self.command == "HEAD":
                        self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("Content-Length", headers.get("Content-Length", str(len(data))))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)
                    self.wfile.flush()

            def _reset(self) -> None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self._close()

            def _close(self) -> None:
                self.close_connection = True
                self.connection.close()

            def finish(self) -> None:
                with contextlib.suppress(OSError):
                    super().finish()

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # broken connections are what this is for

        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

"""A headless Chromium: pages at the width of a phone or a screen, light or dark."""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

from tests.servers import installed

HEIGHT = 900
START = 30
"""Seconds that a browser may take to start."""


class Browser:
    """One tab, by Chromium's own protocol. Reaches nothing outside the machine."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._calls = 0
        self._ask("Page.enable")

    def open(self, page: Path, width: int, scheme: str, script: bool = True) -> None:
        """Show a file, `width` CSS pixels wide, for who prefers the colour `scheme`: light or dark."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=HEIGHT, deviceScaleFactor=1, mobile=False)
        self._ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._ask("Page.navigate", url=page.resolve().as_uri())
        while json.loads(self._socket.recv()).get("method") != "Page.loadEventFired":
            pass

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page; of a promise, what it comes to."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def picture(self, to: Path, left: float = 0, top: float = 0, width: float = 0, height: float = 0) -> None:
        """The page as PNG, all of it or a part, in CSS pixels."""
        whole = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": left, "y": top, "width": width or whole["width"], "height": height or whole["height"], "scale": 1}
        found = self._ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        to.write_bytes(base64.b64decode(found["data"]))

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        self._socket.send(json.dumps({"id": self._calls, "method": method, "params": parameters}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._calls:
            pass
        assert "error" not in answer, (method, answer["error"])
        found: dict[str, Any] = answer["result"]
        return found


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Chromium with its profile in a folder; a test that asks for it skips where there is none."""
    installed("chromium")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--remote-allow-origins=*", f"--user-data-dir={folder}"]
    process = subprocess.Popen([*command, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = folder / "DevToolsActivePort"
        until = time.monotonic() + START
        while not (address.exists() and address.read_text().count("\n")) and time.monotonic() < until:
            time.sleep(0.05)
        port = address.read_text().split()[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=START) as found:
            tab = next(target for target in json.load(found) if target["type"] == "page")
        socket = create_connection(tab["webSocketDebuggerUrl"], timeout=60)
        try:
            yield Browser(socket)
        finally:
            socket.close()
    finally:
        process.terminate()
        process.wait(10)

"""An HTTP server that answers as the Kubernetes API does, for the calls that gaintrace makes."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "research"
ARGO = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"
CORE = f"/api/v1/namespaces/{NAMESPACE}"
REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "AlreadyExists",
    422: "Invalid",
    503: "Unavailable",
}


class FakeApi:
    """Objects by path; `faults` answers a path with a status instead, so many times (-1: always).

    `stalls`: paths whose answer begins, and stops before its end.
    """

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.faults: dict[str, list[int]] = {}
        self.stalls: set[str] = set()
        self.stopped = threading.Event()
        self.history: dict[str, list[Any]] = {}
        """Objects that change: each read takes the next, and the last stays."""

        self.allowed: set[tuple[str, str]] = set()
        """(user or "", verb and resource), as in ("", "create workflows")."""

        self.kinds = ["workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"]
        self.requests: list[tuple[str, str]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                api.answer(self, None)

            def do_POST(self) -> None:
                api.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()

    def set_parameter(self, name: str, value: str) -> None:
        """Give a parameter of our template the value that a release would."""
        template = self.objects[f"{ARGO}/workflowtemplates/gaintrace-sweep"]
        (parameter,) = [p for p in template["spec"]["arguments"]["parameters"] if p["name"] == name]
        parameter["value"] = value

    def kubeconfig(self, folder: Path) -> Path:
        """See kubeconfig."""
        host, port = self.server.server_address[:2]
        return kubeconfig(folder, f"http://{host!s}:{port}")

    def answer(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        path = handler.path.split("?")[0].rstrip("/")
        self.requests.append((handler.command, path))
        fault = self.faults.get(path)
        if fault and fault[1]:
            fault[1] -= 1
            return _status(handler, fault[0], f"{path} is out of order")
        if path in self.stalls:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b"{")
            self.stopped.wait(60)
            return None
        if body is None:
            found = self._read(path)
            return _status(handler, 404, f"{path} not found") if found is None else _send(handler, 200, found)
        return self._create(handler, path, body)

    def _read(self, path: str) -> Any:
        if path == "/version":
            return {"major": "1", "minor": "33", "gitVersion": "v1.33.1"} | dict.fromkeys(
                ("buildDate", "compiler", "gitCommit", "gitTreeState", "goVersion", "platform"), ""
            )
        if path == "/apis/argoproj.io/v1alpha1":
            resources = [
                {"name": name, "singularName": "", "namespaced": True, "kind": name, "verbs": ["get"]}
                for name in self.kinds
            ]
            if not resources:
                return None
            return {"kind": "APIResourceList", "groupVersion": "argoproj.io/v1alpha1", "resources": resources}
        if path in self.history:
            states = self.history[path]
            return states.pop(0) if len(states) > 1 else states[0]
        return self.objects.get(path)

    def _create(self, handler: BaseHTTPRequestHandler, path: str, body: Any) -> None:
        if path.endswith("subjectaccessreviews"):
            attributes = body["spec"]["resourceAttributes"]
            asked = (body["spec"].get("user") or "", f"{attributes['verb']} {attributes['resource']}")
            return _send(handler, 201, body | {"status": {"allowed": asked in self.allowed}})
        metadata = body["metadata"]
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + "x7k2p"
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", metadata["name"]):
            return _status(handler, 422, f'Workflow "{metadata["name"]}" is invalid: metadata.name')
        key = f"{path}/{metadata['name']}"
        if key in self.objects:
            return _status(handler, 409, f'workflows "{metadata["name"]}" already exists')
        self.objects[key] = body
        return _send(handler, 201, body)


def kubeconfig(folder: Path, server: str) -> Path:
    """A kubeconfig of one context, whose namespace is NAMESPACE."""
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "fake",
                "clusters": [{"name": "fake", "cluster": {"server": server}}],
                "users": [{"name": "me", "user": {"token": "not-checked"}}],
                "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me", "namespace": NAMESPACE}}],
            }
        )
    )
    return path


def _send(handler: BaseHTTPRequestHandler, code: int, body: Any) -> None:
    """JSON, or a log, which is text."""
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    handler.send_response(code)
    handler.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def _status(handler: BaseHTTPRequestHandler, code: int, message: str) -> None:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    _send(handler, code, body | {"reason": REASONS[code]})

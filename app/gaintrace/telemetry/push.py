"""Metrics of what has ended: as a text file beside the results, and pushed to a Pushgateway."""

import os
import re
from http.client import HTTPException
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest, pushadd_to_gateway

from gaintrace.errors import ConfigError

JOB = "gaintrace"


def text(registry: CollectorRegistry) -> bytes:
    """The metrics in Prometheus' text format, those without a value left out."""
    lines = generate_latest(registry).decode().splitlines()
    valued = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    return "".join(f"{line}\n" for line in lines if not line.startswith("#") or line.split(" ")[2] in valued).encode()


def check(gateway: str) -> None:
    """Raises ConfigError where a text is no address of a Pushgateway: HOST:PORT, or a URL of http or https."""
    try:
        parts = urlsplit(gateway if "://" in gateway else f"http://{gateway}")
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or not re.fullmatch(r"[!-~]+", gateway):
        shown = gateway.rpartition("@")[2]  # a URL may hold a password
        raise ConfigError(f"--pushgateway {shown}: not an address; write it as in http://pushgateway:9091")


def push(gateway: str, registry: CollectorRegistry, phase: str, dataset: str) -> str | None:
    """Push once, beside what other sweeps pushed; metrics that are not in the registry keep their value there.

    In a pod of the workflows, which know their namespace, other namespaces' sweeps of that name are others.
    Returns what went wrong, in a line: results matter more than their announcement.
    """
    namespace = os.environ.get("GAINTRACE_NAMESPACE")
    group = {"phase": phase, "dataset": dataset} | ({"namespace": namespace} if namespace else {})
    try:
        pushadd_to_gateway(gateway, JOB, registry, group, timeout=10)
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        shown = gateway.rpartition("@")[2]  # a URL may hold a password
        return f"metrics not pushed: {shown} does not take them ({reason}). The results are not affected"
    return None

"""The parameters of our workflows: what there is to choose, and what each may be."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from gaintrace.errors import ConfigError, did_you_mean

CORES = re.compile(r"[0-9]+(\.[0-9]+)?m?")
BYTES = re.compile(r"[0-9]+(\.[0-9]+)?(k|M|G|T|Mi|Gi|Ti)?")
"""What we take as an amount of cores or memory; Kubernetes knows rarer forms, which the template does not let in."""

MEMORY = ("memory", "plan-memory", "aggregate-memory")
WHOLE_NUMBERS = ("runs-per-pod", "deadline", "epochs")
FREE = ("sweep", "data", "set", "image", "store", "pushgateway")
"""Texts of which the steps themselves say what is wrong with them."""

NAMES = {"datasets", "gpus", "cpu", *MEMORY, *WHOLE_NUMBERS, *FREE}

CHART = {
    "tolerations": "training.tolerations",
    "node-selector": "training.nodeSelector",
    "env": "extraEnv",
    "env-from": "s3.existingSecret",
    "volumes": "extraVolumes",
    "volume-mounts": "extraVolumeMounts",
    "image-pull-policy": "image.pullPolicy",
    "parallelism": "training.maxPods",
}
"""What somebody may look for here, and the value of the chart that it is: with these a pod could be made anything."""


def check_names(given: Iterable[str], declared: Iterable[str]) -> None:
    """Refuse parameters that the template does not have. Argo takes them, and does nothing with them."""
    known = list(declared)
    for name in sorted(set(given) - set(known)):
        if name in CHART:
            raise ConfigError(
                f"parameter {name}: not for a submitter to choose; it is {CHART[name]} in the chart's values"
            )
        raise ConfigError(
            f"parameter {name}: the template has none of that name{did_you_mean(name, known) or '.'} "
            f"It has {', '.join(known)}"
        )


def check_values(values: Mapping[str, str]) -> None:
    """Refuse values that a pod would fail on. Raises ConfigError naming the parameter and what it may be."""
    _check(values, "gpus", values["gpus"] in ("0", "1"), "0, or 1: a training pod uses one GPU, more pods use more")
    _check(values, "cpu", bool(CORES.fullmatch(values["cpu"])), "a number of cores, as in 4 or 500m")
    for name in MEMORY:
        _check(values, name, bool(BYTES.fullmatch(values[name])), "a quantity of memory, as in 16Gi")
    for name in WHOLE_NUMBERS:
        text = values[name]
        whole = text.isascii() and text.isdecimal() and int(text) > 0
        _check(values, name, whole or (name == "epochs" and not text), "a whole number above zero")
    datasets = _json(values["datasets"])
    uris = isinstance(datasets, list) and all(isinstance(entry, str) and entry for entry in datasets)
    _check(values, "datasets", uris, "JSON, a list of URIs")


def check_given(text: str) -> None:
    """Both of the above, for all parameters but the sweep's text, as a JSON object: what a workflow's first step gets.

    `argo submit` checks nothing, so that step is the first that can.
    """
    values = _json(text)
    if not isinstance(values, dict):
        raise ConfigError(f"--parameters {text!r}: expected JSON, names and values")
    given = {str(name): str(value) for name, value in values.items()}
    check_names(given, sorted(NAMES))
    if absent := sorted(NAMES - {"sweep"} - given.keys()):
        raise ConfigError(f"--parameters has no {', '.join(absent)}: the workflow's template is of another version")
    check_values(given)


def _check(values: Mapping[str, str], name: str, sound: bool, expected: str) -> None:
    if not sound:
        raise ConfigError(f"parameter {name}={values[name]!r}: expected {expected}")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None

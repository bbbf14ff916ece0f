"""Does this namespace have what a sweep needs? One line a check, each with its mend."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from gaintrace.cluster.api import Cluster, ForbiddenError, NotFoundError
from gaintrace.cluster.workflow import SEMAPHORE, TEMPLATE, Object, parameters
from gaintrace.errors import ClusterError, GaintraceError
from gaintrace.version import __version__

KINDS = {"workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"}
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
INSTALL = "helm upgrade --install gaintrace charts/gaintrace"


@dataclass(frozen=True)
class Check:
    """What was found. `unknown`: we may not look, so somebody else must."""

    verdict: Literal["ok", "unknown", "missing"]
    text: str


def examine(cluster: Cluster) -> Iterator[Check]:
    """Look at the cluster, the release and the store, each as far as what it rests on is there."""
    try:
        yield Check("ok", f"Kubernetes {cluster.version()} at {cluster.host}, namespace {cluster.namespace}")
        kinds = cluster.kinds()
    except ClusterError as error:
        yield Check("missing", str(error))
        return
    lacking = sorted(KINDS - kinds)
    if lacking:
        yield Check("missing", f"Argo Workflows: no {', '.join(lacking)}. Install Argo Workflows 4.1 or newer")
        return
    yield Check("ok", "Argo Workflows is installed")
    try:
        template = cluster.template(TEMPLATE)
    except NotFoundError:
        yield Check("missing", f"WorkflowTemplate {TEMPLATE} is not there: {INSTALL} -n {cluster.namespace}")
        return
    except ClusterError as error:
        yield Check("unknown", str(error))
        return
    yield _version(template)
    yield _looked(lambda: _may_submit(cluster))
    yield from _accounts(cluster, template)
    yield _looked(lambda: _semaphore(cluster))
    values = parameters(template["spec"])
    yield _image(values)
    if values["gpus"] != "0":
        yield _looked(lambda: _gpus(cluster))
    yield from _secrets(cluster, template)
    yield from _claims(cluster, template)
    yield from _store(values)


def _looked(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except ForbiddenError as error:
        return Check("unknown", f"you may not {error.what}; somebody who may can run this")
    except GaintraceError as error:
        return Check("missing", str(error))


def _version(template: Object) -> Check:
    found = (template["metadata"].get("labels") or {}).get("app.kubernetes.io/version", "unlabelled")
    if found == __version__:
        return Check("ok", f"WorkflowTemplate {TEMPLATE} is of this version, {__version__}")
    return Check("missing", f"WorkflowTemplate {TEMPLATE} is {found}, this command {__version__}: upgrade one of them")


def _may_submit(cluster: Cluster) -> Check:
    if cluster.allowed("create", "workflows"):
        return Check("ok", "you may submit workflows")
    return Check("missing", "you may not create workflows: ask to be put into rbac.submitters of the chart")


def _accounts(cluster: Cluster, template: Object) -> Iterator[Check]:
    trainer = template["spec"].get("serviceAccountName", "default")
    executor = (template["spec"].get("executor") or {}).get("serviceAccountName", trainer)

    def exists(name: str) -> Check:
        try:
            cluster.service_account(name)
        except NotFoundError:
            return Check("missing", f"ServiceAccount {name} is not there: install the chart with serviceAccount.create")
        return Check("ok", f"ServiceAccount {name}")

    for name in dict.fromkeys([trainer, executor]):
        yield _looked(lambda name=name: exists(name))  # type: ignore[misc]

    def reports() -> Check:
        user = f"system:serviceaccount:{cluster.namespace}:{executor}"
        if all(cluster.allowed(verb, "workflowtaskresults", user) for verb in ("create", "patch")):
            return Check("ok", f"{executor} may report results to Argo")
        return Check(
            "missing",
            f"{executor} may not create and patch workflowtaskresults, so every pod would hang: "
            "install the chart with rbac.create",
        )

    yield _looked(reports)

    def token() -> Check:
        name = f"{executor}.service-account-token"
        try:
            keys = cluster.secret_keys(name)
        except NotFoundError:
            return Check("missing", f"Secret {name} is not there, so every pod would hang: {INSTALL}")
        if "token" not in keys:
            return Check("missing", f"Secret {name} holds no token yet: delete it and upgrade the release")
        return Check("ok", f"{executor} has a token")

    if template["spec"].get("automountServiceAccountToken") is False:
        yield _looked(token)


def _semaphore(cluster: Cluster) -> Check:
    try:
        text = cluster.config_map(SEMAPHORE).get("training-pods", "")
    except NotFoundError:
        return Check("missing", f"ConfigMap {SEMAPHORE} is not there: {INSTALL} -n {cluster.namespace}")
    if not text.isdecimal() or int(text) < 1:
        return Check("missing", f"ConfigMap {SEMAPHORE}: training-pods is {text!r}, so nothing trains: set 1 or more")
    return Check("ok", f"{text} training pod{_s(int(text))} at once")


def _gpus(cluster: Cluster) -> Check:
    gpus = cluster.gpus()
    if gpus:
        total, nodes = sum(gpus.values()), len(gpus)
        return Check("ok", f"{total} GPU{_s(total)} allocatable on {nodes} node{_s(nodes)}")
    return Check(
        "missing", "no node offers nvidia.com/gpu: install NVIDIA's device plugin, or train on CPUs with -p gpus=0"
    )


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _image(values: dict[str, str]) -> Check:
    image = values["image"]
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return Check("ok", f"image {image}")
    return Check("unknown", f"image {image} names no registry: set image.repository, unless nodes hold it already")


def _secrets(cluster: Cluster, template: Object) -> Iterator[Check]:
    def keys(name: str) -> Check:
        try:
            lacking = sorted(CREDENTIALS - cluster.secret_keys(name))
        except NotFoundError:
            return Check("missing", f"Secret {name} is not there: create it with {' and '.join(sorted(CREDENTIALS))}")
        if lacking:
            return Check("missing", f"Secret {name} has no key {', '.join(lacking)}: add it")
        return Check("ok", f"Secret {name} has the keys for S3")

    container = next(step["container"] for step in template["spec"]["templates"] if step["name"] == "plan")
    for source in container.get("envFrom") or []:
        if "secretRef" in source:
            yield _looked(lambda name=source["secretRef"]["name"]: keys(name))  # type: ignore[misc]


def _claims(cluster: Cluster, template: Object) -> Iterator[Check]:
    def phase(name: str) -> Check:
        try:
            found = cluster.claim_phase(name)
        except NotFoundError:
            return Check("missing", f"PersistentVolumeClaim {name} is not there: create it, or upgrade the release")
        if found == "Lost":
            return Check("missing", f"PersistentVolumeClaim {name} has lost its volume: restore it")
        note = " (many classes bind with the first pod)" if found == "Pending" else ""
        return Check("ok", f"PersistentVolumeClaim {name} is {found.lower()}{note}")

    for volume in template["spec"].get("volumes") or []:
        if "persistentVolumeClaim" in volume:
            yield _looked(lambda name=volume["persistentVolumeClaim"]["claimName"]: phase(name))  # type: ignore[misc]


def _store(values: dict[str, str]) -> Iterator[Check]:
    from gaintrace.data.dataset import load_info
    from gaintrace.store import open_store

    uri, data = values["store"], values["data"]
    if uri.startswith("file://"):
        yield Check("unknown", f"store {uri} is on the cluster's volume: `helm test gaintrace` writes to it")
    else:
        try:
            store = open_store(uri)
            key = f"doctor/{secrets.token_hex(8)}"
            won = [store.create(key, text) for text in (b"first", b"second")]
            store.delete(key)
            if won == [True, False]:
                yield Check("ok", f"store {uri} can be written to from here")
            else:
                yield Check(
                    "missing",
                    f"store {uri} ignores `If-None-Match`, so of two pods on one run both win: use a newer server",
                )
        except GaintraceError as error:
            yield Check("missing", f"store {uri}, from here: {error}")
    if not data:
        yield Check("ok", "no data set by default: pass -p data=URI, or set data.uri in the chart")
    elif data.startswith("file://"):
        yield Check("unknown", f"data set {data} is on the cluster's volume: a sweep's step `plan` reads it first")
    else:
        try:
            info = load_info(data)
            yield Check("ok", f"data set {data}: {info.name}, {info.students:,} students")
        except GaintraceError as error:
            yield Check("missing", f"data set {data}: {error}")

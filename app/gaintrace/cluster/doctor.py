"""Does this namespace have what a sweep needs? One line a check, each with its mend."""

import secrets
from collections.abc import Iterator

from gaintrace.cluster.api import Cluster, NotFoundError
from gaintrace.cluster.check import Check, looked, plural
from gaintrace.cluster.placement import placement
from gaintrace.cluster.workflow import SEMAPHORE, TEMPLATE, Object, parameters
from gaintrace.errors import ClusterError, GaintraceError
from gaintrace.version import __version__

KINDS = {"workflows", "workflowtemplates", "cronworkflows", "workflowtaskresults"}
SUBMITTER = ("create", "update", "patch", "delete")
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
INSTALL = "helm upgrade --install gaintrace charts/gaintrace"


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
    yield looked(lambda: _may_submit(cluster))
    yield from _accounts(cluster, template)
    yield looked(lambda: _semaphore(cluster))
    values = parameters(template["spec"])
    yield _image(values)
    yield from placement(cluster, template, values["gpus"] != "0")
    yield from _secrets(cluster, template)
    yield from _claims(cluster, template)
    yield from _store(values)


def _version(template: Object) -> Check:
    found = (template["metadata"].get("labels") or {}).get("app.kubernetes.io/version", "unlabelled")
    if found == __version__:
        return Check("ok", f"WorkflowTemplate {TEMPLATE} is of this version, {__version__}")
    return Check("missing", f"WorkflowTemplate {TEMPLATE} is {found}, this command {__version__}: upgrade one of them")


def _may_submit(cluster: Cluster) -> Check:
    lacking = [verb for verb in SUBMITTER if not cluster.allowed(verb, "workflows")]
    if not lacking:
        return Check("ok", "you may submit workflows, and stop, suspend and retry them")
    return Check(
        "missing", f"you may not {', '.join(lacking)} workflows: ask to be put into rbac.submitters of the chart"
    )


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
        yield looked(lambda name=name: exists(name))  # type: ignore[misc]

    def reports() -> Check:
        user = f"system:serviceaccount:{cluster.namespace}:{executor}"
        if all(cluster.allowed(verb, "workflowtaskresults", user) for verb in ("create", "patch")):
            return Check("ok", f"{executor} may report results to Argo")
        return Check(
            "missing",
            f"{executor} may not create and patch workflowtaskresults, so every pod would hang: "
            "install the chart with rbac.create",
        )

    yield looked(reports)

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
        yield looked(token)


def _semaphore(cluster: Cluster) -> Check:
    try:
        text = cluster.config_map(SEMAPHORE).get("training-pods", "")
    except NotFoundError:
        return Check("missing", f"ConfigMap {SEMAPHORE} is not there: {INSTALL} -n {cluster.namespace}")
    if not text.isdecimal() or int(text) < 1:
        return Check("missing", f"ConfigMap {SEMAPHORE}: training-pods is {text!r}, so nothing trains: set 1 or more")
    return Check("ok", f"{plural(int(text), 'training pod')} at once")


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
            yield looked(lambda name=source["secretRef"]["name"]: keys(name))  # type: ignore[misc]


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
            yield looked(lambda name=volume["persistentVolumeClaim"]["claimName"]: phase(name))  # type: ignore[misc]


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

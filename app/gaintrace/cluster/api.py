"""The few calls to Kubernetes that we need, with errors that say what to do."""

import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from gaintrace.cluster.workflow import Object
from gaintrace.errors import ClusterError, ConfigError

ARGO = ("argoproj.io", "v1alpha1")
KUEUE = (("kueue.x-k8s.io", "v1beta2"), ("kueue.x-k8s.io", "v1beta1"))
INCLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")

UNREADABLE = (ConfigException, OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError)
"""What the library raises over a kubeconfig: its own error, or whatever it runs into in one of another shape."""


class NotFoundError(ClusterError):
    """The cluster has no object of that name."""


class ForbiddenError(ClusterError):
    """The cluster does not let this user do that. `what` says in words what."""

    def __init__(self, what: str, namespace: str, message: str) -> None:
        self.what = what
        super().__init__(
            f"you may not {what} in namespace {namespace}: {message}. Whoever installed gaintrace there can let you: "
            "rbac.submitters in the chart's values"
        )


class Cluster:
    """A namespace of a cluster: that of a kubeconfig's context, or the pod's own.

    `timeout`: seconds to connect, and to wait for an answer or its next part, of each of three attempts.
    """

    def __init__(
        self, namespace: str | None = None, context: str | None = None, timeout: tuple[float, float] = (5, 30)
    ) -> None:
        try:
            own = _load(context)
        except UNREADABLE as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise ConfigError(
                f"no access to a Kubernetes cluster: {reason}. Set KUBECONFIG or pass --context; "
                "`kubectl config get-contexts` lists what there is"
            ) from None
        self.namespace = namespace or own
        settings = client.Configuration.get_default_copy()
        settings.retries = urllib3.Retry(total=2, backoff_factor=0.5, status_forcelist=[429, 502, 503, 504])
        self.host = settings.host
        self.verified = bool(settings.verify_ssl)
        if not self.verified:  # a warning a request; whoever asks can say it once
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.timeout = timeout
        self._api = client.ApiClient(settings)
        self._core = client.CoreV1Api(self._api)
        self._objects = client.CustomObjectsApi(self._api)
        self._access = client.AuthorizationV1Api(self._api)
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry is a warning there; we tell the outcome

    def version(self) -> str:
        """The cluster's version, as in v1.33.1."""
        return str(self._call("read the version", client.VersionApi(self._api).get_code).git_version)

    def kinds(self) -> set[str]:
        """Plural names of the kinds of Argo that the cluster knows."""
        try:
            found = self._call("list Argo's kinds", self._objects.get_api_resources, *ARGO)
        except NotFoundError:
            return set()
        return {resource.name for resource in found.resources}

    def template(self, name: str) -> Object:
        """A WorkflowTemplate."""
        return self._get("workflowtemplates", name)

    def workflow(self, name: str) -> Object:
        """A Workflow with its status."""
        return self._get("workflows", name)

    def create_workflow(self, manifest: Object) -> Object:
        """Submit a Workflow; what the cluster made of it."""
        create = self._objects.create_namespaced_custom_object
        found: Object = self._call("submit the workflow", create, *ARGO, self.namespace, "workflows", manifest)
        return found

    def config_map(self, name: str) -> dict[str, str]:
        """The values of a ConfigMap."""
        found = self._call(f"read ConfigMap {name}", self._core.read_namespaced_config_map, name, self.namespace)
        return found.data or {}

    def secret_keys(self, name: str) -> set[str]:
        """The keys of a Secret; its values are not kept."""
        found = self._call(f"read Secret {name}", self._core.read_namespaced_secret, name, self.namespace)
        return set(found.data or {})

    def service_account(self, name: str) -> None:
        """Raises NotFoundError where there is none."""
        self._call(f"read ServiceAccount {name}", self._core.read_namespaced_service_account, name, self.namespace)

    def claim_phase(self, name: str) -> str:
        """Phase of a PersistentVolumeClaim, as in Bound."""
        read = self._core.read_namespaced_persistent_volume_claim
        return str(self._call(f"read PersistentVolumeClaim {name}", read, name, self.namespace).status.phase)

    def last_log(self, workflow: str, component: str) -> str | None:
        """What the newest pod of a workflow's step printed; None once no such pod is left."""
        selector = f"workflows.argoproj.io/workflow={workflow},app.kubernetes.io/component={component}"
        listing = self._call(
            "list pods", self._core.list_namespaced_pod, self.namespace, options={"label_selector": selector}
        )
        pods = sorted(listing.items, key=lambda pod: pod.metadata.creation_timestamp)
        if not pods:
            return None
        # Without `_preload_content` the client would hand over the text of a bytes object.
        options = {"container": "main", "_preload_content": False}

        def read(*arguments: Any, **keywords: Any) -> bytes:
            data: bytes = self._core.read_namespaced_pod_log(*arguments, **keywords).data
            return data

        log: bytes = self._call("read a pod's log", read, pods[-1].metadata.name, self.namespace, options=options)
        return log.decode("utf-8", errors="replace")

    def image_problem(self, workflow: str) -> str | None:
        """The last event that says why a pod of a workflow could not have its image; None once there is none left."""
        listing = self._call(
            "list events", self._core.list_namespaced_event, self.namespace, options={"field_selector": "reason=Failed"}
        )
        found = [
            event.message
            for event in listing.items
            if event.involved_object.name.startswith(f"{workflow}-") and "image" in (event.message or "")
        ]
        # The longest has the cause; others say that it was an error.
        return " ".join(max(found, key=len).split()) if found else None

    def priority_class(self, name: str) -> None:
        """Raises NotFoundError where there is none."""
        self._call(f"read PriorityClass {name}", client.SchedulingV1Api(self._api).read_priority_class, name)

    def runtime_class(self, name: str) -> None:
        """Raises NotFoundError where there is none."""
        self._call(f"read RuntimeClass {name}", client.NodeV1Api(self._api).read_runtime_class, name)

    def local_queue(self, name: str) -> None:
        """Raises NotFoundError where Kueue is not there, or has no such queue in the namespace."""
        get = self._objects.get_namespaced_custom_object
        for version in KUEUE:
            try:
                self._call(f"read LocalQueue {name}", get, *version, self.namespace, "localqueues", name)
                return
            except NotFoundError:
                if version == KUEUE[-1]:
                    raise

    def gpus(self, resource: str, labels: dict[str, str]) -> dict[str, int]:
        """How many of a resource can be allocated, by node, of the nodes with these labels that take pods."""
        nodes = self._call("list nodes", self._core.list_node).items
        counts = {
            node.metadata.name: int((node.status.allocatable or {}).get(resource, 0))
            for node in nodes
            if not node.spec.unschedulable and labels.items() <= (node.metadata.labels or {}).items()
        }
        return {name: count for name, count in counts.items() if count}

    def allowed(self, verb: str, resource: str, user: str | None = None) -> bool:
        """Whether we, or another user, may do something with a kind of Argo's in the namespace."""
        attributes = client.V1ResourceAttributes(group=ARGO[0], namespace=self.namespace, verb=verb, resource=resource)
        if user is None:
            own = client.V1SelfSubjectAccessReview(
                spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
            )
            review = self._call("review access", self._access.create_self_subject_access_review, own)
        else:
            other = client.V1SubjectAccessReview(
                spec=client.V1SubjectAccessReviewSpec(user=user, resource_attributes=attributes)
            )
            review = self._call("review access", self._access.create_subject_access_review, other)
        return bool(review.status.allowed)

    def _get(self, plural: str, name: str) -> Object:
        get = self._objects.get_namespaced_custom_object
        found: Object = self._call(f"read {plural} {name}", get, *ARGO, self.namespace, plural, name)
        return found

    def _call(self, what: str, call: Callable[..., Any], *arguments: Any, options: dict[str, Any] | None = None) -> Any:
        try:
            return call(*arguments, _request_timeout=self.timeout, **(options or {}))
        except ApiException as error:
            raise _explained(error, what, self.namespace) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = re.sub(r"^HTTPS?Connection\w*\(.*?\): ", "", str(getattr(error, "reason", None) or error))
            raise ClusterError(
                f"cannot {what}: the cluster at {self.host} does not answer ({reason}). "
                "Check the network and the context of your kubeconfig"
            ) from None


def _explained(error: ApiException, what: str, namespace: str) -> ClusterError:
    message = _message(error)
    if error.status == 401:
        return ClusterError(f"cannot {what}: the cluster does not accept your credentials. Log in again")
    if error.status == 403:
        return ForbiddenError(what, namespace, message)
    if error.status == 404:
        return NotFoundError(f"cannot {what} in namespace {namespace}: not found")
    if error.status == 409:
        return ClusterError(f"cannot {what}: {message}. Choose another name, or use generateName")
    if error.status in (400, 422):
        return ClusterError(f"cannot {what}: the cluster refuses it: {message}")
    return ClusterError(f"cannot {what}: the cluster answers {error.status} {error.reason}: {message}. Try again")


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)


def _load(context: str | None) -> str:
    """Set up access by the kubeconfig or, in a pod without one, by the pod's account. Returns the namespace there."""
    if context is None and INCLUSTER.is_dir() and "KUBECONFIG" not in os.environ:
        config.load_incluster_config()
        return (INCLUSTER / "namespace").read_text().strip()
    file = os.environ.get("KUBECONFIG")  # the library reads it once, at import
    config.load_kube_config(file, context=context)
    contexts, active = config.list_kube_config_contexts(file)
    chosen = next((c for c in contexts if c["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")

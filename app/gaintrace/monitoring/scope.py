"""Which series are a release's: selectors and joins that dashboards and alerts share.

What `@…@` stands for, the chart fills in. Of kube-state-metrics (2.10 or newer) only what it shows by default is used.
Labels of pods are not, so a pod is ours by its namespace, its service account and Argo's name for it.
"""

from dataclasses import dataclass

POD = "cluster, namespace, pod"
"""What tells pods apart. Without a label `cluster`, as in a Prometheus of one cluster alone, the other two do."""

SWEEP = "cluster, namespace, phase, dataset"
"""Labels of a sweep: one of that name may be under way in another namespace."""

PODS = r".+-(plan|train|default|validate|aggregate|outcome)-[0-9]+"
"""Names that Argo gives our pods: workflow, template, number."""

TRAINING = r".+-(train|validate)-[0-9]+"
GPU = "nvidia_com_(gpu|gpu_shared|mig_.+)|@gpuResource@"
"""Whole GPUs, shared ones, MIG slices and what the release asks for, as kube-state-metrics writes resource names."""


def either(*expressions: str) -> str:
    """By pod the first, and the next for pods of which those before have no series."""
    return f" or on ({POD}) ".join(f"({expression})" for expression in expressions)


@dataclass(frozen=True)
class Scope:
    """Matchers of the clusters and namespaces that are asked about; `cluster` ends with a comma or is empty."""

    cluster: str
    namespace: str

    def of(self, metric: str, more: str = "") -> str:
        """A metric's series in these namespaces."""
        return f"{metric}{{{self.cluster}namespace{self.namespace}{more and ',' + more}}}"

    @property
    def ours(self) -> str:
        """Our pods, ended ones included."""
        return self.of("kube_pod_service_account", f'service_account="@serviceAccount@",pod=~"{PODS}"')

    def kept(self, expression: str) -> str:
        """Only the series of our pods."""
        return f"{expression} and on ({POD}) {self.ours}"

    def in_phase(self, phase: str) -> str:
        """Pods in a phase; a pod has a series for each, of which one is 1."""
        return self.of("kube_pod_status_phase", f'phase="{phase}"') + " == 1"

    @property
    def requests(self) -> str:
        """GPUs that pods on a node asked for, ended ones too; once, however many exporters are scraped."""
        series = self.of("kube_pod_container_resource_requests", f'resource=~"{GPU}",node!=""')
        return f"max by ({POD}, node, container, resource) ({series})"

    @property
    def allocated(self) -> str:
        """GPUs that our pods hold, by pod and node. One that has ended holds none, though its request still shows."""
        running = f"({self.in_phase('Running')})"
        return self.kept(f"sum by ({POD}, node) ({self.requests}) > 0 and on ({POD}) {running}")

    def workload(self, metric: str, function: str = "{}", more: str = "") -> str:
        """A DCGM metric of training pods, with `pod` and `namespace` of the workload; `function` is applied to it.

        With honorLabels off, as in the exporter's own chart, DCGM's labels arrive as exported_pod and
        exported_namespace, and pod and namespace are the exporter's. Either form may be what a cluster has.
        """
        more = more and f",{more}"
        forms = [
            f'{metric}{{{self.cluster}{label}namespace{self.namespace},{rest}{label}pod=~"{TRAINING}"{more}}}'
            for label, rest in (("exported_", ""), ("", 'exported_pod="",'))
        ]
        series = "(" + " or ".join(function.format(form) for form in forms) + ")"
        for name in ("pod", "namespace"):
            series = f'label_replace({series}, "{name}", "$1", "exported_{name}", "(.+)")'
        return series

    def dcgm(self, metric: str, more: str = "") -> str:
        """The same, of our pods."""
        return f"({self.kept(self.workload(metric, more=more))})"

    def by_pod(self, aggregate: str, metric: str, scale: str = "", own: str = "") -> str:
        """A gauge by pod: DCGM's, brought to base units, or the trainers' own where there is no DCGM."""
        found = [f"{aggregate} by ({POD}) ({self.dcgm(metric)}){scale}"]
        return either(*found, *([f"{aggregate} by ({POD}) ({own})"] if own else []))

    @property
    def utilisation(self) -> str:
        """Share of the time in which a kernel ran, 0 to 1, by pod. Of a MIG slice DCGM tells its engine's activity."""
        return either(
            f"avg by ({POD}) ({self.dcgm('DCGM_FI_DEV_GPU_UTIL')}) / 100",
            f"avg by ({POD}) ({self.dcgm('DCGM_FI_PROF_GR_ENGINE_ACTIVE')})",
            f"avg by ({POD}) ({self.of('gaintrace_gpu_utilization_ratio')})",
        )

    def on_node(self, expression: str) -> str:
        """By pod, with the pod's node."""
        nodes = self.of("kube_pod_info", 'node!=""')
        return f"({expression}) * on ({POD}) group_left (node) max by ({POD}, node) ({nodes})"


RELEASE = Scope("", '="@namespace@"')
"""What alerts ask about: the release that they come with."""

CHOSEN = Scope('cluster=~"$cluster",', '=~"$namespace"')
"""What is chosen on a dashboard."""

EVERYWHERE = Scope('cluster=~"$cluster",', '=~".+"')
"""Every namespace of the clusters chosen there."""

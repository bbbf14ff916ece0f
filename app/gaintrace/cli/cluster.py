"""`submit`, `watch` and `doctor`, which talk to a cluster, and `outcome`, which runs on it."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gaintrace.cli.console import plain
from gaintrace.errors import ClusterError, GaintraceError
from gaintrace.version import __version__

if TYPE_CHECKING:
    from gaintrace.cluster.api import Cluster
    from gaintrace.cluster.workflow import Object
    from gaintrace.store import Store

Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace; that of the kubeconfig's context without it.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig; the current one without it.")]


def submit(
    source: Annotated[str, typer.Argument(metavar="FILE", help="A Workflow, a sweep's YAML, or a preset's name.")],
    parameters: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="Workflow parameter; repeatable."),
    ] = None,
    follow: Annotated[bool, typer.Option("--watch", help="Follow the workflow until it ends.")] = False,
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Check a workflow and submit it to the cluster."""
    from gaintrace.cluster import workflow as workflows

    manifest = workflows.workflow_for(source, parameters or [])
    cluster = _cluster(namespace, context)
    template = _template(cluster, workflows.template_name(manifest))
    values = workflows.effective(manifest, template)
    workflows.check(values)
    created = cluster.create_workflow(manifest)
    name = created["metadata"]["name"]
    print(name)
    if follow:
        _follow(cluster, name, values["store"])


def watch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The workflow's name.")],
    namespace: Namespace = None,
    context: Context = None,
) -> None:
    """Follow a workflow until it ends; exits with what its end means."""
    from gaintrace.cluster import workflow as workflows

    cluster = _cluster(namespace, context)
    found = cluster.workflow(name)
    # What it runs is Argo's copy of the template, whatever became of that; a moment after submission there is none yet.
    spec = (found.get("status") or {}).get("storedWorkflowTemplateSpec")
    spec = spec or _template(cluster, workflows.template_name(found))["spec"]
    _follow(cluster, name, (workflows.parameters(spec) | workflows.parameters(found["spec"]))["store"])


def doctor(namespace: Namespace = None, context: Context = None) -> None:
    """Check that the cluster has what a sweep needs; one line a check, with the mend."""
    from gaintrace.cluster.doctor import examine

    console = plain()
    cluster = _cluster(namespace, context)
    missing = 0
    for check in examine(cluster):
        style = {"ok": "green", "unknown": "yellow", "missing": "bold red"}[check.verdict]
        console.print(f"{check.verdict:<8}", style=style, end=" ")
        console.print(check.text, soft_wrap=True)
        missing += check.verdict == "missing"
    if missing:
        raise ClusterError(f"{missing} thing{'s' if missing > 1 else ''} missing; the lines above say how to mend them")


def outcome(
    workflow: Annotated[str, typer.Option(help="The workflow's name.")],
    phase: Annotated[str, typer.Option(help="How it ended.")],
    failures: Annotated[str, typer.Option(help="Argo's list of failed nodes.")] = "",
    entry: Annotated[str, typer.Option(help="The template that it began with.")] = "sweep",
) -> None:
    """Say how a workflow ended, and what to do; its last step."""
    from gaintrace.cluster.outcome import explain

    print("\n".join(explain(workflow, phase, failures, entry)))


def _cluster(namespace: str | None, context: str | None) -> "Cluster":
    from gaintrace.cluster.api import Cluster

    cluster = Cluster(namespace, context)
    if not cluster.verified:
        plain(stderr=True).print(
            "the kubeconfig says insecure-skip-tls-verify: the cluster's certificate is not checked"
        )
    return cluster


def _template(cluster: "Cluster", name: str) -> "Object":
    from gaintrace.cluster.api import NotFoundError
    from gaintrace.cluster.doctor import INSTALL

    try:
        template = cluster.template(name)
    except NotFoundError:
        raise ClusterError(
            f"WorkflowTemplate {name} is not in namespace {cluster.namespace}: {INSTALL} -n {cluster.namespace}"
        ) from None
    version = (template["metadata"].get("labels") or {}).get("app.kubernetes.io/version")
    if version != __version__:
        plain(stderr=True).print(f"the cluster has gaintrace {version}, this is {__version__}")
    return template


def _follow(cluster: "Cluster", name: str, uri: str) -> None:
    from pathlib import Path
    from urllib.parse import urlsplit

    from gaintrace.cluster.nodes import DEADLINE
    from gaintrace.cluster.watch import StoreView
    from gaintrace.cluster.watch import watch as follow
    from gaintrace.store import open_store

    console = plain()
    # A file store lies on the cluster's volume; the same path may happen to be mounted here.
    here = not uri.startswith("file://") or Path(urlsplit(uri).path).is_dir()
    view = StoreView(open_store(uri) if here else None)
    try:
        end = follow(lambda: cluster.workflow(name), view, console)
    except KeyboardInterrupt:
        console.print(f"{name} goes on; `gaintrace watch {name}` follows it again")
        raise typer.Exit(0) from None
    if end.message:
        console.print(end.message)
    if any(DEADLINE in step.message for step in end.steps) and (reason := _image_problem(cluster, name)):
        console.print(f"a pod could not pull its image: {reason}", soft_wrap=True)
    if end.sweep_id is not None:
        _show_results(console, cluster, name, view.store, uri, end.sweep_id)
    raise typer.Exit(end.exit_code)


def _image_problem(cluster: "Cluster", name: str) -> str | None:
    try:
        return cluster.image_problem(name)
    except ClusterError:
        return None  # it would only have explained an end that is told already


def _show_results(
    console: Console, cluster: "Cluster", name: str, store: "Store | None", uri: str, sweep_id: str
) -> None:
    from gaintrace.analysis.summary import Summary
    from gaintrace.report.terminal import show
    from gaintrace.store import layout

    where = f"{uri.rstrip('/')}/{layout.sweep(sweep_id)}"
    if store is None:  # the step that reported printed the ranking, too
        try:
            printed = cluster.last_log(name, "aggregate")
        except ClusterError as error:
            printed = None
            console.print(str(error), soft_wrap=True)
        if printed:
            console.print(printed.strip("\n"), soft_wrap=True)
        console.print(f"results: {where} (on the cluster's volume)", soft_wrap=True)
        return
    try:
        summary = Summary.model_validate_json(store.read(layout.sweep(sweep_id, "results.json")))
    except (GaintraceError, ValueError) as error:
        console.print(f"no results to show: {error}")
        return
    show(console, summary)
    console.print(f"report: {where}/report.html", soft_wrap=True)

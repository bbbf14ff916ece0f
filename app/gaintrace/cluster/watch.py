"""Following a workflow until it ends: live in a terminal, a line a change where nobody watches."""

import time
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table

from gaintrace.cluster.nodes import DEADLINE, WORKFLOW_DONE, Progress, Step, progress
from gaintrace.cluster.workflow import Object
from gaintrace.errors import ClusterError, GaintraceError
from gaintrace.store import Store, layout
from gaintrace.sweeps.plan import Plan, read_plan

SHARDS_SHOWN = 20
"""Most shards drawn; of more, those that are under way or went wrong come first."""

PATIENCE = 300.0
"""Seconds without an answer from the cluster before giving up."""

IMAGE_PATIENCE = 600.0
"""Seconds in which nothing but images is waited for before giving up."""


class StoreView:
    """How many runs of each shard have a result in the store, where the store can be read from here."""

    def __init__(self, store: Store | None) -> None:
        self.store = store
        self.plan: Plan | None = None
        self.finished: set[str] = set()

    def counts(self, sweep_id: str | None) -> dict[int, tuple[int, int]]:
        """Finished and all runs by shard; empty where that cannot be known."""
        if self.store is None or sweep_id is None:
            return {}
        try:
            if self.plan is None or self.plan.spec.search is not None:  # a search is planned round by round
                self.plan = read_plan(self.store, sweep_id)
            for run in self.plan.runs:
                if run.run_id not in self.finished and self._ended(run.run_id):
                    self.finished.add(run.run_id)
        except GaintraceError:
            return {}
        counts: dict[int, tuple[int, int]] = {}
        for run in self.plan.runs:
            done, planned = counts.get(run.shard, (0, 0))
            counts[run.shard] = (done + (run.run_id in self.finished), planned + 1)
        return counts

    def _ended(self, run: str) -> bool:
        assert self.store is not None and self.plan is not None
        search = self.plan.spec.search
        keys = [layout.run(run, layout.RESULT)]
        keys += [layout.stopped(self.plan.sweep_id, run)] if search and search.stop else []
        return any(self.store.exists(key) for key in keys)


class Images:
    """Steps whose image cannot be had. Kubernetes gives two reasons in turn, for ever; the first is told, once."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self.since: dict[str, float] = {}

    def told(self, state: Progress, now: float) -> Progress:
        """The state with one reason for each such step. Raises ClusterError where nothing else happens for too long."""
        steps = [self._told(step, now) for step in state.steps]
        left = [step for step in state.steps if step.phase not in WORKFLOW_DONE]
        stuck = [self.since[step.name] for step in left if step.name in self.since]
        if not state.done and stuck and len(stuck) == len(left) and now - max(stuck) > IMAGE_PATIENCE:
            raise ClusterError(
                f"{state.name}: {left[0].name} has waited for its image for {IMAGE_PATIENCE / 60:.0f} minutes: "
                f"{self.reasons[left[0].name]}. End it with `argo stop {state.name}`, correct the image "
                "(image.repository, tag or digest, pullSecrets in the chart's values; -p image=…) and submit it again"
            )
        return replace(state, steps=steps)

    def _told(self, step: Step, now: float) -> Step:
        if step.image_problem is not None:
            self.reasons.setdefault(step.name, " ".join(step.image_problem.split()))
            self.since.setdefault(step.name, now)
            return replace(step, message=f"cannot pull its image: {self.reasons[step.name]}")
        self.since.pop(step.name, None)
        if step.phase in ("Failed", "Error") and step.name in self.reasons and DEADLINE in step.message:
            return replace(step, message=f"its image could not be pulled: {self.reasons[step.name]}")
        return step


def watch(
    read: Callable[[], Object],
    view: StoreView,
    console: Console,
    interval: float = 2.0,
) -> Progress:
    """Draw a workflow until it is done, and return its end. `read` asks the cluster for it.

    A cluster that does not answer for a while is waited for. Raises ClusterError when it stays silent, when the
    workflow is gone, and when it waits for nothing but an image that cannot be pulled.
    """
    said: dict[str, str] = {}
    images = Images()
    last_answer = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else _Silent() as live:
        while True:
            try:
                state = progress(read())
                last_answer = time.monotonic()
            except ClusterError as error:
                if time.monotonic() - last_answer > PATIENCE or type(error) is not ClusterError:
                    raise
                _say(console, said, "cluster", str(error))
                time.sleep(interval)
                continue
            state = images.told(state, time.monotonic())
            counts = view.counts(state.sweep_id)
            if isinstance(live, Live):
                live.update(table(state, counts), refresh=True)
            else:
                for step in state.steps:
                    _say(console, said, step.name, line(step, counts))
                if state.done:
                    console.print(f"{state.name}: {state.phase.lower()}", highlight=False, markup=False, soft_wrap=True)
            if state.done:
                return state
            time.sleep(interval)


class _Silent:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _say(console: Console, said: dict[str, str], who: str, what: str) -> None:
    if said.get(who) != what:
        said[who] = what
        console.print(what, highlight=False, markup=False)


def line(step: Step, counts: dict[int, tuple[int, int]]) -> str:
    """A step in one line."""
    parts = [f"{step.name}: {_phase(step)}"]
    if step.shard in counts:
        done, planned = counts[step.shard]
        parts.append(f"{done} of {planned} runs")
    if step.attempts > 1:
        parts.append(f"attempt {step.attempts}")
    if step.message and step.phase != "Succeeded":
        parts.append(step.message)
    return ", ".join(parts)


def table(state: Progress, counts: dict[int, tuple[int, int]]) -> RenderableType:
    """The steps of a workflow as a table."""
    title = f"{state.name}: {state.phase}" + (f" ({state.sweep_id})" if state.sweep_id else "")
    drawn = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    shards = [step for step in state.steps if step.shard is not None]
    hidden = {step.name for step in sorted(shards, key=_interest)[SHARDS_SHOWN:]}
    more = f"… {len(hidden)} more shards"
    for column in ("step", "phase", "runs", "attempt", "time", ""):
        right = column in ("runs", "attempt", "time")
        wraps = column in ("step", "")
        drawn.add_column(
            column,
            justify="right" if right else "left",
            no_wrap=not wraps,
            overflow="fold",
            min_width=len(more) if column == "step" and hidden else None,
        )
    for step in state.steps:
        if step.name in hidden:
            continue
        runs = "{} of {}".format(*counts[step.shard]) if step.shard in counts else ""
        message = step.message if step.phase != "Succeeded" else ""
        drawn.add_row(step.name, _phase(step), runs, str(step.attempts or ""), _duration(step.seconds), message)
    if hidden:
        phases = [step.phase for step in shards if step.name in hidden]
        summary = ", ".join(f"{phases.count(phase)} {phase.lower()}" for phase in dict.fromkeys(phases))
        drawn.add_row(more, summary, "", "", "", "")
    return drawn


def _phase(step: Step) -> str:
    return "waiting" if step.waiting else step.phase.lower()


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _interest(step: Step) -> int:
    order = ("Error", "Failed", "Running", "Pending")
    return order.index(step.phase) if step.phase in order else len(order)

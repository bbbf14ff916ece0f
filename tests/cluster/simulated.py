"""A cluster that is none: it answers the commands of real_cluster.py, and trains what they submit, here and at once.

It knows nothing of Kubernetes. It is there to run every line of the tests that otherwise wait for a cluster, with
sweeps that are planned, trained and reported by the commands that a workflow's steps run.
"""

import copy
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from gaintrace.cli import sweep
from gaintrace.cluster.outcome import explain
from gaintrace.cluster.workflow import check, parameters
from gaintrace.errors import ConfigError, ExitCode, GaintraceError

ROOT = Path(__file__).parents[2]
SMALL = "; base.data.synthetic.students=60"
POLLS = 4
"""How often a workflow is looked at before it has ended."""

Done = subprocess.CompletedProcess[str]
Object = dict[str, Any]


@dataclass
class Workflow:
    """What became of a submission."""

    name: str
    values: dict[str, str]
    phase: str = "Succeeded"
    code: int = 0
    nodes: list[Object] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    shards: int = 0
    polls: int = 0

    @property
    def running(self) -> bool:
        return self.polls < POLLS

    def node(self, template: str, phase: str, **more: Any) -> None:
        self.nodes.append({"templateName": template, "type": "Pod", "phase": phase} | more)


class SimulatedCluster:
    """`run` takes the place of real_cluster.run. `trained`: what became of the same sweep in the same folder before."""

    def __init__(self, folder: Path, image: str, places: int, trained: dict[str, Workflow]) -> None:
        self.folder, self.image, self.places, self.trained = folder, image, places, trained
        self.spec = yaml.safe_load((ROOT / "workflows" / "sweep.yaml").read_text())["spec"]
        self.workflows: dict[str, Workflow] = {}
        self.said: dict[str, Done] = {}
        self.semaphore = True

    def run(self, command: tuple[str, ...], stdin: str | None = None) -> Done:
        """What a command does here."""
        words = [word for word in command if word not in ("-n", "research")]
        what: Any = getattr(self, words[0])
        found = what(words[1:], stdin)
        return found if isinstance(found, subprocess.CompletedProcess) else _done(found or "")

    def helm(self, words: list[str], _: str | None) -> Done | None:
        if words[0] == "template" and shutil.which("helm"):
            return subprocess.run(["helm", *words], capture_output=True, text=True, check=False)
        self.semaphore = True
        return None

    def argo(self, words: list[str], _: str | None) -> str | None:
        if words[0] == "submit":
            return f"workflow/{self._submit(words).name}\n"
        if words[0] in ("stop", "retry"):
            workflow = self.workflows[words[1]]
            workflow.phase = "Failed" if words[0] == "stop" else "Succeeded"
            workflow.polls = POLLS if words[0] == "stop" else 0
        return None

    def gaintrace(self, words: list[str], _: str | None) -> Done:
        if words[0] == "doctor":
            if self.semaphore:
                return _done("ok       gaintrace-executor may report results to Argo\n")
            return _done("missing  ConfigMap gaintrace-semaphore is not there\n", ExitCode.CLUSTER)
        if words[0] == "watch":
            workflow = self.workflows[words[1]]
            return _done(workflow.logs["watch"], workflow.code)
        try:
            check(self._values(words) | {"store": "store"})
        except ConfigError as error:
            return _done("", ExitCode.CONFIG, str(error))
        workflow = self._submit(words)
        return _done(f"{workflow.name}\n{workflow.logs['watch']}", workflow.code)

    def kubectl(self, words: list[str], stdin: str | None) -> Done | str | None:
        if words[0] == "get":
            return json.dumps(self._get(words[1:])) if "json" in words else "nothing to see"
        if words[0] == "logs":
            return self._logs(words)
        if words[0] == "api-versions":
            return "monitoring.coreos.com/v1\n"
        if words[0] == "apply" and stdin and not stdin.startswith("---"):
            self._apply(json.loads(stdin))
        if words[0] == "delete":
            return self._delete(words[1:])
        return None

    def _values(self, words: list[str]) -> dict[str, str]:
        given = [after.split("=", 1) for word, after in itertools.pairwise(words) if word == "-p"]
        thin = yaml.safe_load((ROOT / "workflows" / "phase2.yaml").read_text())["spec"]
        store = {"store": str(self.folder / "store"), "image": self.image}
        return parameters(self.spec) | store | parameters(thin) | dict(given)

    def _submit(self, words: list[str]) -> Workflow:
        workflow = Workflow(f"phase2-{len(self.workflows)}", self._values(words))
        self.workflows[workflow.name] = workflow
        if workflow.values["image"] != self.image:
            said = f"a pod could not pull its image: {workflow.values['image']}: not found\n"
            workflow.phase, workflow.code, workflow.logs["watch"] = "Failed", ExitCode.UNEXPECTED, said
            workflow.node("plan", "Failed")
            return workflow
        # Seeds keep sweeps apart, and epochs keep pods busy, where these are waited for.
        workflow.values["set"] = re.sub(r"base\.training\.(seed|epochs|patience)=\d+(; )?", "", workflow.values["set"])
        key = json.dumps(workflow.values)
        if key not in self.trained:
            printed = io.StringIO()
            with redirect_stdout(printed), redirect_stderr(printed):
                self._train(workflow, printed)
            listed = [{"templateName": node["templateName"], "message": node.get("message")} for node in workflow.nodes]
            workflow.logs["outcome"] = "\n".join(explain(workflow.name, workflow.phase, json.dumps(listed)))
            workflow.logs["watch"] = "shard 0: succeeded\nshard 1: succeeded\n" + printed.getvalue()
            self.trained[key] = copy.deepcopy(workflow)
        workflow = self.workflows[workflow.name] = replace(copy.deepcopy(self.trained[key]), name=workflow.name)
        return workflow

    def _train(self, workflow: Workflow, printed: io.StringIO) -> None:
        """The steps of a sweep, each by its command."""
        values, store, outputs = workflow.values, workflow.values["store"], self.folder / f"plan-{len(self.trained)}"
        step, given = "plan", json.dumps({name: value for name, value in values.items() if name != "sweep"})
        try:
            changes = values["set"] + SMALL
            pod = int(values["runs-per-pod"])
            sweep.plan(
                values["sweep"], None, store, None, pod, values["epochs"], changes, str(outputs), parameters=given
            )
            sweep_id = (outputs / "sweep-id").read_text()
            workflow.node(step, "Succeeded", outputs={"parameters": [{"name": "sweep-id", "value": sweep_id}]})
            workflow.shards = len(json.loads((outputs / "shards.json").read_text()))
            step = "train"
            for shard in range(workflow.shards):
                sweep.train_shard(sweep_id, shard, store, None, "auto", 1, None, gpus=0)
                workflow.node(step, "Succeeded")
            step = "aggregate"
            sweep.aggregate(sweep_id, store)
            workflow.node(step, "Succeeded")
        except GaintraceError as error:
            workflow.node(step, "Failed", message=f"main: Error (exit code {int(error.exit_code)})")
            workflow.phase, workflow.code = "Failed", error.exit_code
            workflow.logs[step] = str(error)
            printed.write(f"{step}: failed\n")

    def _get(self, words: list[str]) -> Object:
        kind, *names = words[: words.index("-o")]
        if kind == "secret":
            return {"data": {"token": "eA=="}}
        if kind == "workflows":
            return {"items": [self._workflow(workflow) for workflow in self.workflows.values()]}
        if kind == "workflow":
            workflow = self.workflows[names[0]]
            workflow.polls += 1
            return self._workflow(workflow)
        if kind == "pod":
            return {"status": {"phase": "Failed" if self.said[names[0]].returncode else "Succeeded"}}
        return {"items": self._pods(words[words.index("-l") + 1])}

    def _workflow(self, workflow: Workflow) -> Object:
        spec = self.spec | {"arguments": {"parameters": [{"name": k, "value": v} for k, v in workflow.values.items()]}}
        status = {
            "phase": "Running" if workflow.running else workflow.phase,
            "nodes": dict(enumerate(workflow.nodes)),
            "storedWorkflowTemplateSpec": spec,
        }
        return {"status": status}

    def _pods(self, selector: str) -> list[Object]:
        """Of the workflows that run as many as there are places; of one by name that has ended, all that it had."""
        found: list[Object] = []
        labels = dict(part.split("=") for part in selector.split(","))
        owner = labels.get("workflows.argoproj.io/workflow")
        for workflow in self.workflows.values():
            if owner not in (None, workflow.name) or (owner is None and not workflow.running):
                continue
            free = self.places - len(found) if workflow.running else workflow.shards
            for shard in range(min(free, workflow.shards)):
                metadata = {"name": f"{workflow.name}-train-{shard}"}
                metadata |= {"labels": {"workflows.argoproj.io/workflow": workflow.name}}
                container = {"name": "main", "image": workflow.values["image"]}
                phase = "Running" if workflow.running else "Succeeded"
                found.append({"metadata": metadata, "spec": {"containers": [container]}, "status": {"phase": phase}})
        return found

    def _logs(self, words: list[str]) -> str | Done:
        if words[1] in self.said:
            return self.said[words[1]]
        if words[1] != "-l":
            return "epoch 10/40"
        owner, step = (part.split("=")[1] for part in words[2].split(","))
        return self.workflows[owner].logs[step]

    def _apply(self, manifest: Object) -> None:
        """A pod is a process here, in the same folder."""
        if manifest["kind"] != "Pod":
            return
        (container,) = manifest["spec"]["containers"]
        program, *arguments = container["command"]
        command = {
            "python3": [sys.executable],
            "gaintrace": [sys.executable, "-c", "from gaintrace.cli import run; run()"],
        }
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run([*command[program], *arguments], capture_output=True, text=True, check=False, env=env)
        self.said[manifest["metadata"]["name"]] = done

    def _delete(self, words: list[str]) -> Done | None:
        if words[0] == "configmap":
            self.semaphore = False
        if words[0] == "secret":
            return _done("", 1, "forbidden")
        if words[0] == "pod" and words[1] not in self.said:
            workflow = self.workflows[words[1].rsplit("-train-", 1)[0]]
            workflow.node("train", "Error", message="pod deleted")
            workflow.logs["train"] = "continue after epoch 10"
        return None


def _done(stdout: str, code: int = 0, stderr: str = "") -> Done:
    return subprocess.CompletedProcess([], int(code), stdout, stderr)

"""Replayed steps are the launched ones: what changes between steps is read anew, and what fails is not used."""

from contextlib import nullcontext
from functools import cache

import pytest
import torch
from torch import is_tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gaintrace.config import load_spec
from gaintrace.data.batches import DeviceData
from gaintrace.data.synthetic import generate
from gaintrace.training.population import Population
from gaintrace.training.replay import CudaRecorder, _record
from tests.conftest import small_run, thorough

CPU = torch.device("cpu")


class Tape(TorchDispatchMode):
    """Records a step as a CUDA graph does, on a CPU: the same operators on the same memory, whatever Python said."""

    def __init__(self, faster=True):
        super().__init__()
        self.population = None
        self.faster = faster
        self.recorded = self.replayed = 0

    def stream(self):
        return nullcontext()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        self.calls.append((function, args, kwargs or {}, out))
        return out

    def record(self, step, generators):
        moving = self.population.moving()
        before = [tensor.detach().clone() for tensor in moving]
        states = [generator.get_state() for generator in generators]
        self.calls = []
        with self:
            trained = step()
        with torch.no_grad():
            for tensor, value in zip(moving, before, strict=True):
                tensor.copy_(value)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        self.recorded += 1
        return self.replayer(self.calls), trained

    def replayer(self, calls):
        def replay():
            self.replayed += 1
            with torch.no_grad():
                for function, args, kwargs, out in calls:
                    again = function(*args, **kwargs)
                    for old, new in zip(tree_leaves(out), tree_leaves(again), strict=True):
                        if is_tensor(old) and old.data_ptr() != new.data_ptr():
                            old.copy_(new)

        return replay

    def seconds(self, work):
        replayed = self.replayed
        work()
        return 0.001 if (self.replayed > replayed) == self.faster else 0.002


class Refusing(Tape):
    """A device that breaks off inside a recording: the first, or a later one."""

    def __init__(self, after=0):
        super().__init__()
        self.after = after

    def record(self, step, generators):
        if self.recorded < self.after:
            return super().record(step, generators)
        self.population.sides["e1"].backward(self.population.data.gather(self.population.data.train, self.some))
        raise RuntimeError("operation not permitted\nwhen stream is capturing")


class Invalidating(Tape):
    """A device that permits no operator inside a recording, and says something else when the recording ends."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        raise RuntimeError("this operator is not permitted")

    def record(self, step, generators):
        try:
            with self:
                step()
        except RuntimeError:
            raise RuntimeError("failed due to a previous error") from None


class Stuck(Tape):
    """Recordings that go on reading the batch they were made on."""

    def replayer(self, calls):
        again, read = super().replayer(calls), calls[0][1][1][0]

        def replay():
            read.zero_()
            again()

        return replay


class Breaking(Tape):
    """Recordings that can be replayed twice."""

    def replayer(self, calls):
        again, left = super().replayer(calls), iter(range(2))

        def replay():
            if next(left, None) is None:
                raise RuntimeError("unspecified launch failure")
            again()

        return replay


class Outside(Tape):
    """Keeps nothing of a recording but which memory it read that is not its own."""

    def record(self, step, generators):
        _, trained = super().record(step, generators)
        self.read, known = [], set()
        for _, args, kwargs, out in self.calls:
            for memory in (t.untyped_storage() for t in tree_leaves((args, kwargs)) if is_tensor(t)):
                if memory._cdata not in known:
                    self.read.append(StorageWeakRef(memory))
                    known.add(memory._cdata)
            known |= {t.untyped_storage()._cdata for t in tree_leaves(out) if is_tensor(t)}
        self.calls = []
        return None, trained


def trained(configs, recorder, epochs=3, remove=None, device=CPU):
    """Weights and logits after some epochs, and what was said; `remove`: a run taken out after the second."""
    first = next(iter(configs.values()))
    said = []
    data = DeviceData(generate(first.data.synthetic), first.data, device)
    population = Population(configs, data, recorder, said.append)
    recorder.population = population
    logits = []
    for number in range(1, epochs + 1):
        epoch = population.begin_epoch(number)
        recorder.some = epoch.batches[0]
        while not epoch.done:
            epoch.advance()
        logits += [*epoch.logits.values(), epoch.response, epoch.real]
        if remove and number == 2:
            population.remove([remove])
    weights = [w for run in population.runs for side in population.weights(run).values() for w in side.values()]
    return [*weights, *logits], said


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def base(preset, **training):
    spec = load_spec(preset).base.model_dump(mode="json")
    model = spec["model"] | {"d_model": 8, "n_heads": 2, "n_blocks": 1, "d_ff": 8}
    data = {"synthetic": {"students": 240, "skills": 5, "mean_length": 15, "seed": 3}, "max_sequence_length": 30}
    return small_run(data=data, model=model, training=spec["training"] | {"batch_size": 8} | training)


STUDY = {"loss": "double_sigmoid", "batch_order": "pykt"}


@pytest.mark.parametrize(
    ("preset", "options", "scope"),
    [
        ("phase2", {}, "global"),
        thorough("phase2", {}, "per_encoder"),
        ("phase2", STUDY | {"batch_size": 4}, "global"),
        thorough("phase2", STUDY | {"batch_size": 4}, "per_encoder"),
        thorough("gaintrace", {}, "global"),
        ("gaintrace", {}, "per_encoder"),
    ],
)
def test_a_replayed_step_is_the_launched_one(preset, options, scope):
    moving = {"bce_loss_weight_end": 0.9, "weight_average": 0.9, "clip_scope": scope} | options
    configs = {
        "a": base(preset, **moving, bce_loss_weight=0.3),
        "b": base(preset, **moving, bce_loss_weight=0.6, seed=7),
        "c": base(preset, **moving, bce_loss_weight=0.3, gradient_clip=0.02),
    }
    tape = Tape()
    replayed, said = trained(configs, tape, remove="b")
    launched, _ = trained(configs, Refusing(), remove="b")
    assert same(replayed, launched)
    assert said == ["steps are replayed as CUDA graphs: 1.0 ms a step instead of 2.0"]
    assert tape.recorded > 4
    assert tape.replayed > 2 * tape.recorded


def two_runs():
    return {"a": base("gaintrace", bce_loss_weight=0.3), "b": base("gaintrace", bce_loss_weight=0.6, seed=7)}


@cache
def two_runs_replayed():
    return trained(two_runs(), Tape())[0]


@pytest.mark.parametrize(
    ("recorder", "why"),
    [
        (Refusing(), "operation not permitted"),
        (Refusing(after=2), "operation not permitted"),
        (Invalidating(), "this operator is not permitted"),
        (Breaking(), "unspecified launch failure"),
        (Stuck(), "logits would differ by "),
        (Tape(faster=False), "it would take 2.0 ms a step instead of 1.0"),
    ],
    ids=["refused", "refused later", "invalidating", "breaking", "stuck", "slower"],
)
def test_a_device_that_cannot_replay_launches_with_one_line(recorder, why):
    launched, said = trained(two_runs(), recorder)
    assert same(launched, two_runs_replayed())
    assert said[-1].startswith(f"steps are launched one by one, not replayed: {why}")
    assert "\n" not in said[-1]
    assert len(said) == (2 if recorder.recorded > 1 else 1)


def test_what_a_recording_reads_is_kept():
    config = base("gaintrace")
    recorder = Outside()
    population = Population({"a": config}, DeviceData(generate(config.data.synthetic), config.data, CPU), recorder)
    recorder.population = population
    epoch = population.begin_epoch(1)
    epoch.advance()
    recording = _record(population, recorder, epoch.batches[0])
    epoch = population.begin_epoch(2)
    assert len(recorder.read) > 50
    assert not any(memory.expired() for memory in recorder.read)
    del recording
    assert any(memory.expired() for memory in recorder.read)


@pytest.mark.gpu
@pytest.mark.parametrize("preset", ["phase2", "gaintrace"])
def test_a_gpu_replays_what_it_would_launch(preset):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    device = torch.device("cuda")
    configs = {"a": base(preset, bce_loss_weight=0.3), "b": base(preset, bce_loss_weight=0.6, seed=7)}
    replayed, said = trained(configs, CudaRecorder(device), remove="b", device=device)
    launched, _ = trained(configs, Refusing(), remove="b", device=device)
    assert len(said) == 1
    assert said[0].startswith("steps are replayed as CUDA graphs")
    assert max(float((a.float() - b.float()).abs().max()) for a, b in zip(replayed, launched, strict=True)) < 2e-3

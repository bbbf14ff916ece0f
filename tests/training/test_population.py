"""A population gives each member what it would have got alone, and its step is the textbook's."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gaintrace.config import load_spec
from gaintrace.data.batches import DeviceData, Members
from gaintrace.data.synthetic import generate
from gaintrace.model.dual import member_state
from gaintrace.model.layers import no_dropout
from gaintrace.training.population import Population
from tests.conftest import small_run, thorough

CPU = torch.device("cpu")
NEW = {"gain": "linear", "curve": "per_skill", "ability": "inferred", "target": "past", "position": "distance"}
EVIDENCE = NEW | {"gain": "evidence"}
AGGREGATE = EVIDENCE | {"aggregate": "mastery"}
STUDY = {"loss": "double_sigmoid", "batch_order": "pykt"}


def devices():
    return [CPU, pytest.param(torch.device("cuda"), marks=pytest.mark.gpu)]


def train(configs, data, epochs=2, remove=None):
    """Weights of every run after some epochs; `remove`: runs taken out after the first."""
    population = Population(configs, data)
    weights = {}
    for number in range(1, epochs + 1):
        epoch = population.begin_epoch(number)
        while not epoch.done:
            epoch.advance()
        for run in remove or []:
            if run in population.members:
                weights[run] = population.weights(run)
        if remove and number == 1:
            population.remove(remove)
    return weights | {run: population.weights(run) for run in population.runs}


def data_on(device, config):
    if device.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return DeviceData(generate(config.data.synthetic), config.data, device)


def largest_difference(a, b):
    return max(float((a[side][name] - b[side][name]).abs().max()) for side in a for name in a[side])


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize(
    ("model", "weighting", "scope"),
    [
        ({"gain": "scalar"}, "fixed", "global"),
        thorough({"gain": "scalar"}, "fixed", "per_encoder"),
        thorough({"gain": "per_skill"}, "fixed", "global"),
        ({"gain": "per_skill"}, "fixed", "per_encoder"),
        (NEW, "fixed", "global"),
        thorough(NEW, "fixed", "per_encoder"),
        thorough(NEW, "learned", "global"),
        (NEW, "learned", "per_encoder"),
        thorough(EVIDENCE, "fixed", "global"),
        (EVIDENCE, "fixed", "per_encoder"),
        (AGGREGATE, "fixed", "global"),
        thorough(AGGREGATE, "fixed", "per_encoder"),
        thorough(AGGREGATE, "learned", "global"),
        (AGGREGATE, "learned", "per_encoder"),
    ],
)
def test_a_member_equals_the_run_alone(device, model, weighting, scope):
    def run(curve=None, **training):
        average = 0.9 if model == NEW else 0
        training |= {"clip_scope": scope, "weight_average": average, "loss_weighting": weighting}
        return small_run(model=model, learning_curve=curve or {}, training=training)

    configs = {
        "a": run(bce_loss_weight=0.3),
        "other weight": run(bce_loss_weight=0.9),
        "other curve": run({"beta_skill_init": 1.0, "sigmoid_offset": 0.5}, bce_loss_weight=0.3),
        "other seed": run(bce_loss_weight=0.3, seed=7),
        "other clip": run(bce_loss_weight=0.3, gradient_clip=0.02),
    }
    data = data_on(device, configs["a"])
    together = train(configs, data)
    for name, config in configs.items():
        assert largest_difference(together[name], train({name: config}, data)[name]) < 2e-4, name
    assert largest_difference(together["a"], together["other weight"]) > 1e-3
    assert largest_difference(together["a"], together["other seed"]) > 1e-2


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("model", [{"gain": "scalar"}, EVIDENCE])
def test_a_member_trained_as_the_study_did_equals_the_run_alone(device, model):
    def run(**training):
        return small_run(model=model, training=STUDY | {"clip_scope": "global"} | training)

    configs = {"a": run(), "other weight": run(bce_loss_weight=0.9), "other seed": run(seed=7)}
    data = data_on(device, configs["a"])
    together = train(configs, data)
    for name, config in configs.items():
        assert largest_difference(together[name], train({name: config}, data)[name]) < 2e-4, name
    assert largest_difference(together["a"], together["other seed"]) > 1e-2
    for option, default in (("loss", "bce"), ("batch_order", "shuffled")):
        assert largest_difference(together["a"], train({"r": run(**{option: default})}, data)["r"]) > 1e-3, option


def test_a_third_encoder_changes_nothing_of_the_others_and_reads_the_mastery_that_is_kept():
    """Not a bit of them, each with a gradient norm of its own; and it is averaged as they are."""

    def run(model, **training):
        return small_run(model=model, training={"weight_average": 0.9, "clip_scope": "per_encoder"} | training)

    data = data_on(CPU, run(EVIDENCE))
    without, beside = (train({"r": run(model)}, data)["r"] for model in (EVIDENCE, AGGREGATE))
    assert set(beside) - set(without) == {"e3"}
    for side, tensors in without.items():
        assert all(torch.equal(beside[side][name], tensor) for name, tensor in tensors.items())
    read = {name: tensor for name, tensor in beside["e3"].items() if name.startswith("read_curve.")}
    assert all(torch.equal(beside["e2"][name.removeprefix("read_")], tensor) for name, tensor in read.items())
    assert largest_difference({"e3": read}, {"e3": {name: torch.zeros(()) for name in read}}) > 0.1


def test_a_third_encoder_has_a_loss_weight_of_its_own():
    """Which reaches the others only through a gradient norm over all."""
    for scope, reaches in (("per_encoder", False), ("global", True)):
        training = {"clip_scope": scope, "gradient_clip": 0.02}
        runs = {
            str(weight): small_run(model=AGGREGATE, training=training | {"aggregate_loss_weight": weight})
            for weight in (0.5, 5.0)
        }
        data = data_on(CPU, runs["0.5"])
        population = Population(runs, data)
        epoch = population.begin_epoch(1)
        batch = data.gather(data.train, epoch.batches[0])
        for side in population.sides.values():
            side.backward(batch)
        norm = population.sides["e3"].gradient_norm()
        assert norm[1] == pytest.approx(10 * float(norm[0]), rel=1e-4)
        weights = train(runs, data, epochs=1)
        moved = {side: largest_difference({side: weights["0.5"][side]}, weights["5.0"]) for side in ("e1", "e2")}
        assert all((difference > 1e-6) == reaches for difference in moved.values())


def test_unshuffled_epochs_are_the_same_for_every_seed():
    configs = {str(seed): small_run(training=STUDY | {"seed": seed}) for seed in (1, 2)}
    data = data_on(CPU, configs["1"])
    both, alone = Population(configs, data), Population({"2": configs["2"]}, data)
    epochs = [both.begin_epoch(1).batches, both.begin_epoch(2).batches, alone.begin_epoch(1).batches]
    for layouts in zip(*epochs, strict=True):
        assert all(layout.length_groups == layouts[0].length_groups for layout in layouts)
        assert all(torch.equal(chunk, layouts[0].chunk[0]) for layout in layouts for chunk in layout.chunk)


@pytest.mark.parametrize("model", [{"gain": "scalar"}, NEW, EVIDENCE])
def test_a_double_sigmoid_has_the_gradient_of_torch_s_loss_given_probabilities(model):
    config = small_run(model=model | {"dropout": 0.0}, training={"loss": "double_sigmoid", "bce_loss_weight": 0.3})
    data = data_on(CPU, config)
    population = Population({"r": config}, data)
    batch = data.gather(data.train, population.begin_epoch(1).batches[0])
    inputs, real = batch.inputs.for_members(Members.of([0], 1, CPU)), batch.targets.real
    for name, weight in (("e1", 0.3), ("e2", 0.7)):
        side = population.sides[name]
        module = copy.deepcopy(side.module)
        output = module(inputs, no_dropout)
        logits = [output] if name == "e1" else [output.logit, *([] if output.alone is None else [output.alone])]
        assert len(logits) == (2 if name == "e2" and model == EVIDENCE else 1)
        losses = [nn.BCEWithLogitsLoss()(x[real].sigmoid(), batch.targets.response[real]) for x in logits]
        (weight * sum(losses) / len(losses)).backward()
        side.backward(batch)
        for (key, expected), found in zip(module.named_parameters(), side.module.parameters(), strict=True):
            if expected.grad is not None or found.grad is not None:
                torch.testing.assert_close(found.grad, expected.grad, rtol=1e-4, atol=1e-7, msg=f"{name} {key}")


@pytest.mark.parametrize("weighting", ["fixed", "learned"])
def test_a_stopped_member_changes_nothing_for_the_others(weighting):
    configs = {str(w): small_run(training={"bce_loss_weight": w, "loss_weighting": weighting}) for w in (0.2, 0.5, 0.8)}
    data = data_on(CPU, configs["0.2"])
    together = train(configs, data, remove=["0.2", "0.8"])
    assert largest_difference(together["0.5"], train({"r": configs["0.5"]}, data)["r"]) < 2e-4
    assert largest_difference(together["0.8"], train({"r": configs["0.8"]}, data, epochs=1)["r"]) < 2e-4


def test_runs_that_differ_in_the_curve_alone_share_encoder_1():
    def run(beta, scope):
        return small_run(learning_curve={"beta_skill_init": beta}, training={"clip_scope": scope})

    for scope, members in (("per_encoder", 1), ("global", 3)):
        configs = {str(beta): run(beta, scope) for beta in (1.0, 2.0, 3.0)}
        data = data_on(CPU, configs["1.0"])
        population = Population(configs, data)
        assert len(population.sides["e1"].configs) == members
        assert len(population.sides["e2"].configs) == 3
        named = [population.shared(run) for run in configs]
        assert named == ([["2.0"], ["1.0"], ["1.0"]] if scope == "per_encoder" else [[], [], []])
        population.remove(["1.0"])
        assert population.shared("3.0") == named[2], "whoever has ended first"


def test_the_rule_that_picks_epochs_is_each_member_s_own_and_leaves_encoder_1_shared():
    rules = ("valid_e1_auc", "valid_combined", "per_encoder")
    configs = {rule: small_run(training={"selection_metric": rule}) for rule in rules}
    population = Population(configs, data_on(CPU, configs["per_encoder"]))
    assert len(population.sides["e1"].configs) == 1
    assert len(population.sides["e2"].configs) == 3


class Waits(TorchDispatchMode):
    """Fails on what makes the host wait for a device: reading a value, or a shape that depends on values."""

    ASKS = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::is_nonzero")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function.name() not in self.ASKS, function
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("device", devices())
@pytest.mark.parametrize("preset", ["phase2", "gaintrace"])
def test_no_step_waits_for_the_device(device, preset):
    base = load_spec(preset).base.model_dump(mode="json")
    model = base["model"] | {"d_model": 16, "n_heads": 2, "n_blocks": 2, "d_ff": 24}
    configs = {str(seed): small_run(model=model, training=base["training"] | {"seed": seed}) for seed in (1, 2)}
    epoch = Population(configs, data_on(device, configs["1"])).begin_epoch(1)
    epoch.advance()
    with pytest.raises(AssertionError), Waits():
        epoch.response.sum().item()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_sync_debug_mode("error")
    try:
        with Waits():
            epoch.advance()
    finally:
        if on_gpu:
            torch.cuda.set_sync_debug_mode("default")


def test_runs_that_cannot_be_stacked_are_refused():
    others = [{"batch_size": 8}, {"loss_weighting": "learned"}, {"loss": "double_sigmoid"}, {"batch_order": "pykt"}]
    for other in others:
        configs = {"a": small_run(), "b": small_run(training=other)}
        with pytest.raises(ValueError, match="differ in more"):
            Population(configs, data_on(CPU, configs["a"]))


@pytest.mark.parametrize("scope", ["global", "per_encoder"])
@pytest.mark.parametrize("clip", [0.02, 100.0])
@pytest.mark.parametrize("curve_rate", [None, 0.02])
def test_a_step_is_adam_on_the_weighted_loss_with_clipped_norms(clip, scope, curve_rate):
    """Against torch's own loss, clipping and Adam, for a run of its own with dropout off."""
    training = {"gradient_clip": clip, "bce_loss_weight": 0.7, "clip_scope": scope, "curve_learning_rate": curve_rate}
    config = small_run(model={"dropout": 0.0}, training=training)
    data = data_on(CPU, config)
    population = Population({"r": config}, data)
    epoch = population.begin_epoch(1)
    modules = {name: copy.deepcopy(side.module) for name, side in population.sides.items()}
    batch = data.gather(data.train, epoch.batches[0])
    inputs = batch.inputs.for_members(Members.of([0], 1, CPU))
    logits = {"e1": modules["e1"](inputs, no_dropout), "e2": modules["e2"](inputs, no_dropout).logit}
    real = batch.targets.real
    e1, e2 = (F.binary_cross_entropy_with_logits(logits[n][real], batch.targets.response[real]) for n in ("e1", "e2"))
    (0.7 * e1 + 0.3 * e2).backward()
    parameters = [p for m in modules.values() for p in m.parameters()]
    for scoped in [parameters] if scope == "global" else [list(m.parameters()) for m in modules.values()]:
        torch.nn.utils.clip_grad_norm_(scoped, clip)
    curve = list(modules["e2"].curve.parameters())
    network = [p for p in parameters if not any(p is c for c in curve)]
    decay = config.training.weight_decay
    groups = [
        {"params": network, "weight_decay": decay},
        {"params": curve, "lr": curve_rate or config.training.learning_rate},
    ]
    torch.optim.Adam(groups, lr=config.training.learning_rate).step()
    epoch.advance()
    for name, module in modules.items():
        for (key, expected), actual in zip(
            module.named_parameters(), population.sides[name].module.parameters(), strict=True
        ):
            assert torch.allclose(actual, expected, atol=2e-6), (name, key)


def test_the_average_of_the_weights_is_what_is_evaluated():
    """Against a loop over the formula; a decay of 0 evaluates the weights themselves."""
    config = small_run(training={"weight_average": 0.3})
    population = Population({"r": config}, data_on(CPU, config))
    epoch = population.begin_epoch(1)
    expected = {name: member_state(side.module, 0) for name, side in population.sides.items()}
    for step in range(1, 5):
        epoch.advance()
        decay = min(0.3, (1 + step) / (10 + step))
        for name, side in population.sides.items():
            for key, now in member_state(side.module, 0).items():
                expected[name][key] = decay * expected[name][key] + (1 - decay) * now
    assert largest_difference(population.weights("r"), expected) < 1e-6
    assert largest_difference(expected, {n: member_state(s.module, 0) for n, s in population.sides.items()}) > 1e-4
    plain = small_run()
    sides = Population({"r": plain}, data_on(CPU, plain)).sides
    assert all(side.evaluated is side.module for side in sides.values())

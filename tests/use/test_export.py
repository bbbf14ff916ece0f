"""What leaves the trainer says the same as what stays, and its card says what it is."""

import json
import re

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors import safe_open

from gaintrace.data.synthetic import generate
from gaintrace.model.curves import natural
from gaintrace.runs.weights import read_weights
from gaintrace.store import open_store
from gaintrace.use.answered import of_dataset
from gaintrace.use.export import export
from gaintrace.use.graph import OUTPUTS, inputs_of
from gaintrace.use.predictions import predicted
from gaintrace.use.trained import load_trained
from tests.cli.here import gaintrace
from tests.conftest import thorough
from tests.use.trained_run import EVIDENCE, IRT, PAST, of_several_skills, train

CPU = torch.device("cpu")
BEST = PAST | EVIDENCE


@pytest.mark.slow
@pytest.mark.parametrize("model", [thorough({"n_blocks": 1}), BEST | {"n_blocks": 1}], ids=["published", "evidence"])
def test_the_graph_predicts_what_the_run_does(tmp_path, model):
    for name in ("onnx", "onnxscript"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    store = open_store(tmp_path / "store")
    run = train(store, data={"max_sequence_length": 40} | IRT, model=model, training={"epochs": 1})
    trained = load_trained(store, run, CPU)
    dataset = generate(trained.config.data.synthetic)
    answered = of_dataset(trained, dataset)
    expected = pa.concat_tables(predicted(trained, answered, "last", None)).to_pandas()
    path, card = export(trained, dataset, tmp_path / "model.onnx", "onnx", None)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == list(inputs_of(trained))
    skills = len(trained.skills)
    for students in ([0], [3, 40, 7]):  # of one length and of several, in batches of any size
        own = [np.flatnonzero(answered.student == student) for student in students]
        length = np.array([len(rows) for rows in own])
        padded = {name: np.zeros((len(own), length.max()), np.int64) for name in ("skill", "response", "item")}
        for place, rows in enumerate(own):
            for name, values in padded.items():
                values[place, : length[place]] = getattr(answered, name)[rows[: length[place]]]
        asked = np.tile(np.arange(skills), (len(own), 1))
        given = padded | {"length": length, "asked_skill": asked, "asked_item": np.zeros_like(asked)}
        found = session.run(list(OUTPUTS), {name: given[name] for name in inputs_of(trained)})
        for student, row in zip(students, range(len(own)), strict=True):
            there = expected[expected["student"] == answered.uids[student]]
            assert (there["history"] == length[row]).all(), "its history is one window"
            for name, values in zip(OUTPUTS, found, strict=True):
                assert np.abs(values[row] - there[name].to_numpy()).max() < 1e-5, name
    assert json.loads(session.get_modelmeta().custom_metadata_map["vocabulary"])["skills"] == trained.skills
    described = card.read_text()
    for name in (*inputs_of(trained), *OUTPUTS):
        assert f"| `{name}` |" in described


def test_weights_leave_with_what_they_mean_and_a_card(tmp_path):
    store = open_store(tmp_path / "store")
    dataset = of_several_skills()
    run = train(store, dataset, model=BEST)
    trained = load_trained(store, run, CPU)
    path, card = export(trained, dataset, tmp_path / "model.safetensors", "safetensors", "CC BY 4.0")
    weights = read_weights(store, run)
    with safe_open(path, "pt") as file:
        about = json.loads(file.metadata()["gaintrace"])
        names = [f"{side}.{name}" for side, tensors in weights.items() for name in tensors]
        assert sorted(file.keys()) == sorted(names)
        for name in names:
            side, _, own = name.partition(".")
            assert torch.equal(file.get_tensor(name), weights[side][own])
    assert about["vocabulary"] == {"skills": dataset.skills, "items": [f"exercise {i}" for i in range(8)]}
    text = card.read_text()
    assert f"several, content hash {dataset.hash}" in text
    assert "licence: CC BY 4.0" in text
    test = trained.result.test
    low, high = (
        float(n) for n in re.search(rf"\| E1 \| test \| {test.e1.auc:.4f} \| (\S+) to (\S+) \|", text).groups()
    )
    assert low < test.e1.auc < high
    start = natural({"logit_start": weights["e2"]["curve.logit_start"]})["start"]
    assert re.search(rf"\| 2 \| skill 2 \| .*{start[2]:.4f}", text)


def test_exporting_again_gives_the_same_bytes(tmp_path):
    store = open_store(tmp_path / "store")
    trained = load_trained(store, train(store, training={"epochs": 1}), CPU)
    files = [export(trained, None, tmp_path / f"{n}.safetensors", "safetensors", None) for n in range(3)]
    assert len({model.read_bytes() for model, _ in files}) == len({card.read_text() for _, card in files}) == 1
    assert "licence" in files[0][1].read_text()


MISTAKES = [
    (
        ["export", "used", "--to", "m.onnx", "--format", "safetensors"],
        "a file of format safetensors ends in .safetensors",
    ),
    (["export", "used", "--to", "no/m.onnx", "--format", "onnx"], "there is no folder no"),
    (["export", "nothing", "--to", "m.safetensors", "--format", "safetensors"], "has no finished run nothing"),
    (["export", "default", "--to", "m.safetensors", "--format", "safetensors"], "has no promoted default"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_gets_one_line(tmp_path, arguments, message):
    done = gaintrace(tmp_path, *arguments)
    assert (done.code, len(done.error.splitlines())) == (2, 1)
    assert message in done.error


def test_a_run_is_exported_by_a_command(tmp_path):
    run = train(open_store(tmp_path / "store"), training={"epochs": 1})
    done = gaintrace(tmp_path, "export", run[:8], "--to", "m.safetensors", "--format", "safetensors")
    assert done.output.splitlines() == ["m.safetensors", "m.safetensors.md"]
    assert "simulated students: no licence" in (tmp_path / "m.safetensors.md").read_text()
    assert "- students: 76 trained, 20 validated, 24 test" in (tmp_path / "m.safetensors.md").read_text()

"""Configuration: what is accepted, what is refused and with which words, and hashes that stay."""

import json
import re
import subprocess
import sys
from importlib import resources

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gaintrace.config import RunConfig, SweepSpec, content_hash, identifying, load_spec, parse_spec, preset_names, run
from gaintrace.config.base import fields
from gaintrace.errors import ConfigError
from gaintrace.identity import performance_key, population_key


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_its_runs_differ(name):
    spec = load_spec(name)
    assert len({config.config_hash for _, config in spec.runs()}) == spec.size()


def test_phase1_is_the_published_grid():
    spec = load_spec("phase1")
    assert spec.size() == 81
    assert {
        (c.training.epochs, c.training.bce_loss_weight, c.training.clip_scope, c.data.fold) for _, c in spec.runs()
    } == {(6, 0.2, "global", 0)}
    assert spec.axes() == {
        "learning_curve.beta_skill_init": [1.5, 2.0, 2.5],
        "learning_curve.m_sat_init": [0.7, 0.8, 0.9],
        "learning_curve.gamma_student_init": [0.9, 1.0, 1.1],
        "learning_curve.sigmoid_offset": [1.5, 2.0, 2.5],
    }
    assert spec.objective.rank_by == "test_e2_auc"


@pytest.mark.parametrize("name", ["phase1", "phase2", "published"])
def test_presets_of_the_study_say_what_gives_its_own_training(name):
    text = (resources.files("gaintrace") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")
    settings = re.findall(r"--set (base\.\S+)", text)
    sound, own = load_spec(name).base.training, load_spec(name, settings).base.training
    assert (sound.loss, sound.batch_order, sound.clip_scope) == ("bce", "shuffled", "global")
    assert own == sound.model_copy(update={"loss": "double_sigmoid", "batch_order": "pykt"})


def test_production_trains_what_won():
    but_its_name = {"name", "description"}
    won = load_spec("gaintrace").model_dump(exclude=but_its_name)
    assert load_spec("production").model_dump(exclude=but_its_name) == won


def test_a_sweep_may_start_from_a_preset():
    text = "name: mine\npreset: phase2\nbase: {training: {epochs: 3}}\ngrid: {training.weight_decay: [0.0, 0.1]}"
    mine, published = parse_spec(text, "mine"), load_spec("phase2")
    assert mine.base == load_spec("phase2", ["base.training.epochs=3"]).base
    assert (mine.objective, mine.success) == (published.objective, published.success)
    assert mine.axes() == {"training.weight_decay": [0.0, 0.1]}
    assert mine.name == "mine"
    assert parse_spec("preset: phase2", "same") == published
    assert parse_spec("preset: phase2", "mine", ["base.training.epochs=3"]).base == mine.base


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("preset: phase3", "mine: preset: there is no 'phase3'. Presets: demo, "),
        ("preset: [phase2]", r"mine: preset: there is no \['phase2'\]. Presets: demo, "),
        ("preset: phase2\nbase: 3", "mine: base: "),
        ("preset: phase2\nbase: {training: {epoch: 3}}", "base.training.epoch: unknown key 'epoch'"),
    ],
)
def test_a_preset_that_is_none_and_mistakes_over_one_are_named(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_spec(text, "mine")


def test_published_is_the_best_run_of_phase2_trained_longer():
    best = load_spec("phase2", ["grid={}", "base.training.bce_loss_weight=0.3", "base.training.epochs=20"])
    assert load_spec("published").base == best.base


def test_phase2_is_the_published_grid():
    spec = load_spec("phase2")
    configs = [config for _, config in spec.runs()]
    assert [c.training.bce_loss_weight for c in configs] == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    curve = configs[0].learning_curve
    assert (curve.beta_skill_init, curve.m_sat_init, curve.gamma_student_init, curve.sigmoid_offset) == (
        2.5,
        0.7,
        1.1,
        1.5,
    )
    assert (curve.mastery_threshold_init, curve.threshold_temperature) == (0.6, 1.5)
    training, model = configs[0].training, configs[0].model
    assert (training.epochs, training.patience, training.batch_size, training.seed) == (12, 4, 64, 42)
    assert (training.learning_rate, training.weight_decay, training.gradient_clip) == (1.74e-4, 1.7571e-5, 1.0)
    assert (model.d_model, model.n_heads, model.n_blocks, model.d_ff, model.dropout) == (256, 4, 4, 512, 0.2)
    assert (spec.objective.alpha, spec.success.test_e1_auc, spec.success.test_e2_auc) == (0.5, 0.685, 0.54)


def test_a_hash_depends_on_values_alone():
    config = RunConfig.model_validate({"training": {"epochs": 3, "seed": 1}})
    again = RunConfig.model_validate({"training": {"seed": 1, "epochs": 3}, "data": {"dataset": "elsewhere"}})
    assert config.config_hash == again.config_hash
    assert config.config_hash != RunConfig.model_validate({"training": {"epochs": 3, "seed": 2}}).config_hash


def test_a_field_that_came_later_changes_no_hash_until_it_is_used(monkeypatch):
    values = {"model": {"ability": "none"}, "training": {"epochs": 3}}
    before = content_hash(identifying(values))
    monkeypatch.setitem(run.LATER, "model", {"ability": "none"})
    assert content_hash(identifying(values)) == content_hash({"model": {}, "training": {"epochs": 3}}) != before
    assert content_hash(identifying({"model": {}})) == content_hash({"model": {}}), "a dump from before the field"
    assert identifying({"model": {"ability": "inferred"}}) == {"model": {"ability": "inferred"}}
    sections = {path: model for path, model in fields(RunConfig).items() if model is not None}
    for section, later in run.LATER.items():
        assert {name: sections[section].model_fields[name].default for name in later} == later


def test_a_later_field_of_a_section_in_a_section_changes_no_hash_until_it_is_used():
    before = {"students": 600, "skills": 12, "mean_length": 40, "seed": 7}
    dumped = RunConfig.model_validate({"data": {"synthetic": before}}).model_dump(mode="json")
    assert identifying(dumped)["data"]["synthetic"] == before
    assert dumped["data"]["synthetic"] != before, "what is dumped stays as it was"
    assert identifying({"data": {"synthetic": None}}) == {"data": {"synthetic": None}}
    named = {"data": {"synthetic": before | {"simulator": "irt", "forgetting": 0.1}}}
    assert identifying(named) == named


def test_the_published_configuration_keeps_its_hash():
    """A change here retrains everybody's finished runs: make it knowingly."""
    published = {c.training.bce_loss_weight: c.config_hash for _, c in load_spec("phase2").runs()}
    assert len(published[0.3]) == 16
    in_another_process = subprocess.run(
        [
            sys.executable,
            "-c",
            "from gaintrace.config import load_spec; print(next(iter(load_spec('phase2').runs()))[1].config_hash)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert in_another_process.stdout.strip() == published[0.3]


def test_a_third_encoder_that_is_off_is_in_no_hash_and_lets_encoder_1_be_shared():
    base = {"model": {"gain": "evidence", "curve": "per_skill"}, "training": {"clip_scope": "per_encoder"}}
    off = RunConfig.model_validate(base)
    on = RunConfig.model_validate(base | {"model": base["model"] | {"aggregate": "mastery"}})
    named = identifying(off.model_dump(mode="json"))
    assert "aggregate" not in named["model"]
    assert "aggregate_loss_weight" not in named["training"]
    assert off.config_hash != on.config_hash
    assert performance_key("a", off) == performance_key("b", on)
    assert population_key(off) != population_key(on)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"aggregate": "mastery"}}, "set gain evidence instead of scalar"),
        (
            {"training": {"aggregate_loss_weight": 0.7}},
            "weighs a third encoder, and there is none: set model.aggregate",
        ),
    ],
)
def test_a_third_encoder_without_what_it_needs_is_refused(sections, message):
    with pytest.raises(ValidationError, match=message):
        RunConfig.model_validate(sections)


def test_configuration_needs_no_torch():
    code = "import sys, gaintrace.sweeps.plan, gaintrace.cli; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["base.training.epoch=3"], "base.training.epoch: unknown key 'epoch'"),
        (["base.training.epochs=many"], "base.training.epochs: Input should be a valid integer"),
        (["base.training.bce_loss_weight=1.5"], "less than or equal to 1"),
        (["base.training.learning_rate=.nan"], "finite number"),
        (
            ["base.training.loss_weighting=learned", "base.training.bce_loss_weight_end=0.5"],
            "base.training: loss_weighting learned moves the weights itself: leave out bce_loss_weight_end",
        ),
        (
            ["base.training.loss_weighting=learned", "grid.training.bce_loss_weight=[0.5, 1.0]"],
            "training.bce_loss_weight: training: loss_weighting learned cannot start at bce_loss_weight 1, which",
        ),
        (["base.data.fold=5"], "less than or equal to 4"),
        (["base.model.n_heads=3"], "d_model 256 is not divisible by n_heads 3"),
        (["grid.training.bce_loss_weight=[0.1,0.1]"], "names a value twice"),
        (["grid.training.bce_loss_weight=[]"], "at least 1 item"),
        (
            ["grid.model.d_model=[64, 60]", "grid.model.n_heads=[4, 8]"],
            "model.d_model 60, model.n_heads 8: model: d_model 60 is not divisible by n_heads 8",
        ),
        (["grid.training.weight=[1]"], "unknown key 'weight'"),
        (["grid.data.min_sequence_length=[3,4]"], "cannot be swept"),
        (["base.data.evaluation_overlap=200"], "evaluation_overlap 200 is not smaller than max_sequence_length 200"),
        (["grid.data.evaluation_overlap=[0,100]"], "cannot be swept"),
        (["seeds=[1,1]"], "names a value twice"),
        (["seeds=[1]", "grid.training.seed=[1,2]"], "is in `seeds` already"),
        (["base.data.dataset=a", "base.data.synthetic.students=9"], "not both"),
        (["base.data.synthetic.forgetting=0.1"], "base.data.synthetic: simulator curve forgets nothing: leave out"),
        (["epochs"], "expected path=value"),
        (["base.training.epochs=[", "x=1"], "not YAML"),
        (["name.a=1"], "name is a value, not a section"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(overrides, message):
    with pytest.raises(ConfigError, match=r"phase2|--set") as error:
        load_spec("phase2", overrides)
    assert message in str(error.value)


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"no such file, and no preset.*demo"):
        load_spec("phase3")
    for content, message in (
        (b"- 1\n", "expected a mapping"),
        (b"a: [1,\nb: }", "not YAML: .* in line 2, column 4$"),
        (b"a: \x01", "not YAML: unacceptable character #x0001"),
        (b"\xff\xfe\x00", "cannot be read"),
    ):
        path = tmp_path / "sweep.yaml"
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=message):
            load_spec(str(path))


def test_overrides_reach_every_section():
    spec = load_spec("phase2", ["base.training.epochs=3", "grid.training.bce_loss_weight=[0.1, 0.9]", "seeds=[1, 2]"])
    assert spec.size() == 4
    assert next((s, c.training.epochs) for s, c in spec.runs()) == (
        {"training.bce_loss_weight": 0.1, "training.seed": 1},
        3,
    )


@given(
    weights=st.lists(st.floats(0, 1), min_size=1, max_size=4, unique=True),
    seeds=st.lists(st.integers(0, 100), max_size=3, unique=True),
)
def test_a_spec_survives_yaml(weights, seeds):
    spec = SweepSpec(name="s", grid={"training.bce_loss_weight": weights}, seeds=seeds)
    again = parse_spec(yaml.safe_dump(spec.model_dump(mode="json")), "yaml")
    assert json.dumps(again.model_dump(mode="json")) == json.dumps(spec.model_dump(mode="json"))
    assert again.size() == len(weights) * max(1, len(seeds)) == len(list(again.runs()))

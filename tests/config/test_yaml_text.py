"""YAML is read as it looks, or refused with its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gaintrace.config import load_spec, parse_spec
from gaintrace.config.yaml_text import read_yaml
from gaintrace.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("+1.E2", 100.0),
        (".5", 0.5),
        ("-0", 0),
        ("1.0e+38", 1.0e38),
        (".inf", float("inf")),
        ("true", True),
        ("~", None),
        ("", None),
        ("'010'", "010"),
        ('"yes"', "yes"),
        ("2026-01-01", "2026-01-01"),
        ("2026-13-45", "2026-13-45"),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}),
        ("[&x {a: 1}, *x]", [{"a": 1}, {"a": 1}]),
        ("1: 2", {"1": 2}),
    ],
)
def test_values_are_what_they_look_like(text, value):
    assert read_yaml(text) == value
    assert type(read_yaml(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yes", "yes reads as true in YAML"),
        ("Off", "Off reads as false in YAML"),
        ("010", "010 reads as 8 in YAML"),
        ("-042", "-042 reads as -34 in YAML"),
        ("08", "08 reads as the text 08 in YAML"),
        ("0x10", "0x10 reads as 16 in YAML"),
        ("0b11", "0b11 reads as 3 in YAML"),
        ("1:30", "1:30 reads as 90 in YAML"),
        ("1:30.5", "1:30.5 reads as 90.5 in YAML"),
        ("1_000", "1_000 reads as 1000 in YAML"),
        ("a:\n- 1\n- {b: no}", "line 3: a.b: no reads as false in YAML"),
        ("a: 1\nb: 2\na: 3", "a: the key stands twice, in lines 1 and 3; keep one"),
        ("a:\n  b: {c: 1, c: 1}", "a.b.c: the key stands twice in line 2"),
        ("- {x: {a: 1, a: 2}}", "x.a: the key stands twice"),
        ("&a [*a]", "an alias contains itself"),
        ("&a {b: *a}", "an alias contains itself"),
        ("!!int 3", "the tag !!int means nothing here"),
        ("!!python/object:os.system [x]", "the tag !!python/object:os.system means nothing here"),
        ("{[1]: 2}", "a key must be a text"),
        ('"\\ud800"', "is no Unicode text"),
        ("[" * 5000, "nested too deeply"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(9)
        ), "more than 100,000 values"),
        ("a: 1\n--- \nb: 2", "not YAML: but found another document in line 2"),
    ],
)  # fmt: skip
def test_what_reads_otherwise_than_it_looks_is_refused(text, message):
    with pytest.raises(ConfigError) as error:
        read_yaml(text)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_every_fault_is_named_at_once():
    text = "name: s\nbase:\n  training: {epochs: yes, patience: on}\nseeds: [010, 042]\nname: t\n"
    with pytest.raises(ConfigError) as error:
        parse_spec(text, "s.yaml")
    for said in ("line 3: base.training.epochs: yes", "patience: on", "line 4: seeds: 010", "042", "lines 1 and 5"):
        assert said in str(error.value)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("base.training={epochs: 1, epochs: 2}", "epochs: the key stands twice"),
        ("base.training.epochs=on", "on reads as true"),
        ("base.training.epochs=true", "base.training.epochs: true is a truth value, not a number"),
        ("base.training.epochs='3'", "base.training.epochs: '3' is a text; write the number without quotes"),
        ("seeds=[1, true]", "seeds: true is a truth value"),
        ("folds=[0, '1']", "folds: '1' is a text"),
        ("grid.training.bce_loss_weight=[false, 0.3]", "false is a truth value"),
        ("min_coverage=true", "min_coverage: true is a truth value"),
        ("grid={training: [{epochs: 1}, {epochs: 2}]}", "training is a section; name its fields, as in training.b"),
        ("grid={training: {epochs: [1, 2]}}", "training is a section"),
        ("grid={data: [1]}", "data is a section; name its fields, as in data.fold"),
        ("grid={base.training.epochs: [1]}", "write training.epochs; paths of the grid begin below base"),
        ("grid={training.epochs: 3}", "training.epochs: expected a list of values, as in [3]"),
        ("training.epochs=3", "write base.training.epochs=3"),
        ("trainin.epochs=3", "did you mean base.training?"),
        ("objektive.alpha=1", "unknown key 'objektive'; did you mean objective?"),
        ("objective.alpa=1", "objective.alpa: unknown key 'alpa'; did you mean alpha?"),
        ("base.epochs=3", "unknown key 'epochs'; did you mean base.training.epochs?"),
        ("base.training.epoch=3", "unknown key 'epoch'; did you mean epochs?"),
        ("grid.training.bce_los_weight=[1]", "unknown key 'bce_los_weight'; did you mean bce_loss_weight?"),
        ("grid.epochs=[1]", "unknown key 'epochs'; did you mean training.epochs?"),
        ("base.training.bce_loss_weight=0.9", "no effect: the grid sets training.bce_loss_weight to 0.3, 0.4"),
        ("base.training={bce_loss_weight: 0.9}", "--set 'grid.training.bce_loss_weight=[0.9]'"),
    ],
)
def test_overrides_are_read_as_strictly(override, message):
    with pytest.raises(ConfigError) as error:
        load_spec("phase2", [override])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_override_that_seeds_or_folds_replace_is_refused():
    for path, axis in (("training.seed", "seeds"), ("data.fold", "folds")):
        with pytest.raises(ConfigError, match=rf"no effect: {axis} sets {path} to 1, 2.*--set '{axis}=\[3\]'"):
            load_spec("phase2", [f"{axis}=[1, 2]", f"base.{path}=3"])
    fixed = load_spec("phase2", ["base.training.bce_loss_weight=0.9", "grid={}"])
    assert fixed.base.training.bce_loss_weight == 0.9


def test_a_base_over_a_preset_whose_grid_replaces_it_is_refused():
    text = "preset: phase2\nbase: {training: {bce_loss_weight: 0.9}}\n"
    with pytest.raises(ConfigError, match=r"s.yaml: base.training.bce_loss_weight=0.9 has no effect: the grid sets"):
        parse_spec(text, "s.yaml")
    for own in ("grid: {}\n", "grid: {training.epochs: [1, 2]}\n"):
        assert parse_spec(text + own, "s.yaml").base.training.bce_loss_weight == 0.9


def test_a_preset_that_nearly_exists_is_suggested():
    for source in ("phas2", "preset: phas2\n"):
        with pytest.raises(ConfigError, match="did you mean phase2"):
            load_spec(source)


def test_a_grid_that_is_too_large_is_refused_before_it_is_counted_out():
    weights = [n / 1000 for n in range(400)]
    grid = dict.fromkeys(("training.bce_loss_weight", "model.dropout", "learning_curve.sigmoid_offset"), weights)
    with pytest.raises(ConfigError, match="64,000,000 runs are more than 100,000"):
        parse_spec(yaml.safe_dump({"name": "s", "grid": grid}), "s.yaml")


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abc xyz:#-'\"\n{}[]&*!|>%@ß"),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("abcxyz", min_size=1), below, max_size=3),
    max_leaves=8,
))  # fmt: skip
def test_what_is_dumped_is_read_again(value):
    assert read_yaml(yaml.safe_dump(value, allow_unicode=True)) == value


@pytest.mark.parametrize(
    ("base", "several", "said"),
    [
        ("training: {seed: 7}", "seeds: [1, 2]", r"base.training.seed 7 has no effect: `seeds` trains 1, 2.*add 7 to"),
        ("data: {fold: 3}", "folds: [0, 1]", r"base.data.fold 3 has no effect: `folds` trains 0, 1.*add 3 to `folds`"),
    ],
)
def test_a_seed_or_fold_that_nothing_trains_is_refused(base, several, said):
    with pytest.raises(ConfigError, match=said):
        parse_spec(f"name: made\nbase: {{{base}}}\n{several}\n", "s.yaml")


def test_a_sweep_on_record_reads_again_with_every_default_filled_in():
    spec = parse_spec("name: made\nbase: {training: {seed: 2}}\nseeds: [1, 2]\nfolds: [1, 2]\n", "s.yaml")
    assert parse_spec(yaml.safe_dump(spec.model_dump(mode="json")), "spec.yaml") == spec

"""A search in a sweep's YAML: what is accepted, what is refused and with which words, and ids that stay."""

import pytest
import yaml

from gaintrace.config import Range, Stopping, content_hash, load_spec, parse_spec, preset_names
from gaintrace.errors import ConfigError

LEARNING_RATE = "training.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}"


def searched(space=LEARNING_RATE, more="", sampler="tpe", overrides=(), rest=""):
    text = f"name: s\nsearch: {{sampler: {sampler}, rounds: 2, runs_per_round: 4, space: {{{space}}}{more}}}\n{rest}"
    return parse_spec(text, "mine", overrides)


def test_a_search_is_read_and_written():
    spec = searched(f"{LEARNING_RATE}, model.gain: [scalar, linear]", rest="seeds: [1, 2]\n")
    assert spec.search.space["training.learning_rate"] == Range(low=1e-4, high=1e-2, log=True)
    assert spec.size() == 2 * 4 * 2
    assert spec.swept_paths == ["training.learning_rate", "model.gain", "training.seed"]
    assert [objective.rank_by for objective in spec.sought] == ["valid_combined"]
    assert parse_spec(yaml.safe_dump(spec.model_dump(mode="json")), "again") == spec


def test_a_grid_beside_a_search_multiplies_it():
    spec = searched(rest="grid: {training.bce_loss_weight: [0.2, 0.8]}\n")
    assert spec.size() == 2 * 4 * 2
    assert list(spec.cells()) == [{"training.bce_loss_weight": 0.2}, {"training.bce_loss_weight": 0.8}]


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("training.learning_rat: {low: 1, high: 2}", "did you mean learning_rate?"),
        ("base.training.learning_rate: {low: 1, high: 2}", "paths of the space begin below base"),
        ("training.learning_rate: {low: 0, high: 1, log: true}", "training.learning_rate: log needs low above 0"),
        ("training.learning_rate: {low: 0, high: 1}", "training.learning_rate 0.0: Input should be greater than 0"),
        ("training.bce_loss_weight: {low: 0.5, high: 1.5}", "bce_loss_weight 1.5: Input should be less than or equal"),
        ("training.learning_rate: {low: 1, hig: 2}", "hig: unknown key 'hig'; did you mean high?"),
        ("training.learning_rate: {low: 2, high: 1}", "low 2 is not below high 1"),
        ("training.learning_rate: {low: 1, high: 2, step: 3}", "there is one value alone"),
        ("training.learning_rate: {low: 1, high: 2, step: 1, log: true}", "log and step exclude each other"),
        ("training.learning_rate: 3", "expected {low: …, high: …} or a list of values, found 3"),
        ("model.d_model: {low: 8.5, high: 64}", "low 8.5 is no whole number"),
        ("model.gain: {low: 1, high: 2}", "model.gain takes no numbers: give a list of values"),
        ("model.gain: [scalar, liner]", "model.gain liner: Input should be 'scalar'"),
        ("model.gain: [scalar]", "leaves no choice"),
        ("model.gain: [scalar, scalar]", "names a value twice"),
        ("training.learning_rate: [1, 1.0]", "training.learning_rate: [1, 1.0] names a value twice"),
        ("training.seed: [1, 2]", "list them in `seeds`"),
        ("data.fold: [1, 2]", "list them in `folds`"),
        ("data.max_sequence_length: [1, 2]", "cannot be swept"),
        ("training: [1, 2]", "is a section"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, words):
    with pytest.raises(ConfigError) as refused:
        searched(space)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rest": "grid: {training.learning_rate: [0.1, 0.2]}\n"}, "training.learning_rate is in `grid` already"),
        (
            {"rest": "objective: {rank_by: combined}\n"},
            "must not lead a search: set objective.rank_by valid_comb",
        ),
        ({"more": ", objectives: [valid_e1_auc, valid_e3_auc]"}, "E3 is of a third encoder"),
        ({"more": ", objectives: [valid_e1_auc, valid_e1_auc]"}, "valid_e1_auc stands twice"),
        ({"more": ", objectives: [combined]"}, "search.objectives.0: Input should be 'valid_combined'"),
        ({"more": ", objectives: [valid_e1_auc, valid_e2_auc], stop: {}"}, "with two objectives nothing says"),
        ({"more": ", stop: {eta: 1}"}, "search.stop.eta: Input should be greater than or equal to 2"),
        ({"overrides": ["base.training.epochs=2"], "more": ", stop: {first: 2}"}, "first 2 would stop no run, as none"),
        ({"space": "training.epochs: {low: 1, high: 3}", "more": ", stop: {first: 3}"}, "none has more than 3 epochs"),
        ({"space": "training.epochs: [2, 3]", "more": ", stop: {first: 3}"}, "none has more than 3 epochs"),
        ({"overrides": ["search.rounds=1000", "search.runs_per_round=1000"]}, "search: 1,000,000 runs are more than"),
        ({"sampler": "bayes"}, "search.sampler: Input should be 'random', 'tpe', 'nsga2' or 'cmaes'"),
        ({"sampler": "cmaes"}, "cmaes needs two ranges or more"),
        ({"sampler": "cmaes", "space": "model.gain: [scalar, linear]"}, "model.gain: cmaes has no choices"),
        ({"overrides": ["search.runs_per_round=3"], "sampler": "nsga2"}, "runs_per_round 3: nsga2 learns from a round"),
        ({"overrides": ["base.training.learning_rate=0.1"]}, "has no effect: the search suggests"),
        ({"overrides": ["search.rounds=true"]}, "search.rounds: true is a truth value"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(changes, words):
    with pytest.raises(ConfigError) as refused:
        searched(**changes)
    assert words in str(refused.value)


def test_a_dimension_can_be_set_from_the_command_line():
    spec = searched(overrides=["search.space.training.bce_loss_weight={low: 0.1, high: 0.9}"])
    assert list(spec.search.space) == ["training.learning_rate", "training.bce_loss_weight"]


def test_a_rung_below_the_longest_run_is_enough():
    assert searched("training.epochs: [2, 3]", ", stop: {first: 2}").search.stop == Stopping(first=2)


def test_rungs_are_eta_times_as_far_each_and_before_the_end():
    assert Stopping(first=1, eta=3).rungs(10) == [1, 3, 9]
    assert Stopping(first=2, eta=2).rungs(8) == [2, 4]
    assert Stopping(first=5, eta=2).rungs(5) == []


@pytest.mark.parametrize("name", preset_names())
def test_a_sweep_without_a_search_is_written_as_before(name):
    spec = load_spec(name)
    assert spec.search is None
    assert "search" not in spec.model_dump()


def test_the_identity_of_a_grid_is_what_it_was():
    assert content_hash(load_spec("phase2").model_dump(mode="json")) == "5e6cd2670875738d"

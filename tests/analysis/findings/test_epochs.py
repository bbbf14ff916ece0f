"""Findings about epochs, on numbers where they hold and on numbers where they must be silent."""

import numpy as np
import pytest

from gaintrace.analysis.findings.epochs import selection_epoch, too_few_epochs
from tests.analysis.findings.evidence import curves, ranked

# The study's Phase 2 as its runs logged it: the selected epoch, and validation E2 AUC at epochs 3 and 5.
E2 = {
    0.3: (5, 0.536822, 0.545262),
    0.4: (5, 0.536629, 0.544835),
    0.5: (5, 0.536389, 0.544547),
    0.6: (3, 0.536114, 0.544306),
    0.7: (3, 0.535906, 0.543915),
    0.8: (3, 0.535587, 0.543399),
}


def study():
    table = ranked([epoch for epoch, _, _ in E2.values()], bce_loss_weight=list(E2))
    epochs = curves(
        *(
            ([0.69] * 7, np.interp(range(1, 8), [1, 3, 5, 7], [0.53, at3, at5, at5 + 0.004]))
            for _, at3, at5 in E2.values()
        )
    )
    return table, epochs


def test_the_studys_headline_is_mostly_the_selected_epoch():
    (finding,) = selection_epoch(*study())
    assert finding.numbers["metric"] == "valid_e2_auc"
    assert finding.numbers["matched_epoch"] == 5
    assert finding.numbers["range_at_selected_epochs"] == pytest.approx(0.0097, abs=5e-5)
    assert finding.numbers["range_at_matched_epoch"] == pytest.approx(0.0019, abs=5e-5)
    assert round(finding.numbers["share"], 2) == 0.81
    assert finding.text.startswith("81 % of the difference in E2 is which epoch was picked")


def test_equal_epochs_and_true_differences_are_not_confounded():
    table, epochs = study()
    assert not list(selection_epoch(table.assign(best_epoch_e1=5, best_epoch_e2=5), epochs))
    real = curves(*(([0.69] * 7, np.linspace(0.5, 0.5 + 0.02 * i, 7)) for i in range(1, 7)))
    assert not list(selection_epoch(table, real))
    assert not list(selection_epoch(table, {}))


def test_encoders_with_epochs_of_their_own_are_judged_by_their_own():
    table, epochs = study()
    (finding,) = selection_epoch(table.assign(best_epoch_e1=5), epochs)
    assert finding.numbers["metric"] == "valid_e2_auc"
    assert not list(selection_epoch(table.assign(best_epoch_e2=5), epochs))


def test_a_range_between_runs_of_one_epoch_is_none_of_the_choice_of_epochs():
    """A parameter whose effect grows with training, in a sweep over how long that is."""
    epochs = curves(
        ([0.7], [0.545]),
        ([0.7] * 3, [0.54, 0.535, 0.53]),
        ([0.7] * 3, [0.55, 0.555, 0.56]),
    )
    assert not list(selection_epoch(ranked([1, 3, 3]), epochs))
    (finding,) = selection_epoch(
        ranked([1, 3, 1]), curves(([0.7], [0.545]), ([0.7] * 3, [0.54, 0.53, 0.52]), ([0.7], [0.55]))
    )
    assert finding.numbers["matched_epoch"] == 1


def test_a_matched_epoch_is_one_that_every_run_reached():
    table = ranked([2, 6])
    epochs = curves(([0.7] * 4, [0.50, 0.51, 0.52, 0.53]), ([0.7] * 6, [0.50, 0.51, 0.52, 0.53, 0.54, 0.55]))
    (finding,) = selection_epoch(table, epochs)
    assert finding.numbers["matched_epoch"] == 2
    assert finding.numbers["share"] == 1


def at_most(epochs):
    return {f"r{place}": epochs for place in range(3)}


def test_a_metric_still_rising_at_the_end_is_named_with_its_cure():
    rising, peaked = [0.50, 0.51, 0.52], [0.60, 0.62, 0.61]
    (at_limit,) = too_few_epochs(curves((peaked, rising), (peaked, rising)), at_most(3))
    assert at_limit.numbers == {"metric": "valid_e2_auc", "rising": 2, "runs": 2, "stopped_at_limit": 2}
    assert "training.epochs" in at_limit.text
    (early,) = too_few_epochs(curves((peaked, rising)), at_most(12))
    assert "training.patience" in early.text
    assert early.text.startswith("E2 was still rising at the last epoch. "), "of one run there is no count"
    assert not list(too_few_epochs(curves((peaked, peaked), (peaked, peaked), (peaked, rising)), at_most(3)))
    assert not list(too_few_epochs({}, at_most(3)))

"""Each finding on numbers where it holds, and on numbers where it must be silent."""

import numpy as np
import pandas as pd
import pytest

from gaintrace.sweep.findings import edge_of_the_grid, find, selection_epoch, too_few_epochs, unfinished

# The study's Phase 2 as its runs logged it: the selected epoch, and validation E2 AUC at epochs 3 and 5.
E2 = {
    0.3: (5, 0.536822, 0.545262),
    0.4: (5, 0.536629, 0.544835),
    0.5: (5, 0.536389, 0.544547),
    0.6: (3, 0.536114, 0.544306),
    0.7: (3, 0.535906, 0.543915),
    0.8: (3, 0.535587, 0.543399),
}


def ranked(best_epochs, **columns):
    count = len(best_epochs)
    return pd.DataFrame(
        {
            "run_id": [f"r{i}" for i in range(count)],
            "status": "succeeded",
            "best_epoch_e1": best_epochs,
            "best_epoch_e2": best_epochs,
            "rank": range(1, count + 1),
            **columns,
        }
    )


def curves(*rows):
    """epochs by run from (E1 values, E2 values)."""
    return {f"r{i}": pd.DataFrame({"valid_e1_auc": e1, "valid_e2_auc": e2}) for i, (e1, e2) in enumerate(rows)}


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
    assert finding.text.startswith("81% of the difference in E2 is which epoch was picked")


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


def test_a_matched_epoch_is_one_that_every_run_reached():
    table = ranked([2, 6])
    epochs = curves(([0.7] * 4, [0.50, 0.51, 0.52, 0.53]), ([0.7] * 6, [0.50, 0.51, 0.52, 0.53, 0.54, 0.55]))
    (finding,) = selection_epoch(table, epochs)
    assert finding.numbers["matched_epoch"] == 2
    assert finding.numbers["share"] == 1


@pytest.mark.parametrize(
    ("values", "best", "side", "suggestion"),
    [([1.5, 2.0, 2.5], 2.5, "largest", 3.0), ([0.7, 0.8, 0.9], 0.7, "smallest", 0.6), ([0.3, 0.8], 0.3, None, None),
     ([1.5, 2.0, 2.5], 2.0, None, None)],
)  # fmt: skip
def test_an_optimum_on_the_edge_is_named_with_its_side(values, best, side, suggestion):
    order = [best, *(v for v in values if v != best)]
    found = list(edge_of_the_grid(ranked([1] * len(values), p=order), ["p"]))
    if side is None:
        assert not found
    else:
        assert (found[0].numbers["side"], found[0].numbers["suggestion"]) == (side, suggestion)


def test_seeds_and_words_have_no_edge():
    assert not list(edge_of_the_grid(ranked([1] * 3, seed=[1, 2, 3], gain=["a", "b", "c"]), ["seed", "gain"]))


def test_a_metric_still_rising_at_the_end_is_named_with_its_cure():
    rising, peaked = [0.50, 0.51, 0.52], [0.60, 0.62, 0.61]
    (at_limit,) = too_few_epochs(curves((peaked, rising), (peaked, rising)), limit=3)
    assert at_limit.numbers == {"metric": "valid_e2_auc", "rising": 2, "runs": 2, "stopped_at_limit": 2}
    assert "training.epochs" in at_limit.text
    (early,) = too_few_epochs(curves((peaked, rising)), limit=12)
    assert "training.patience" in early.text
    assert not list(too_few_epochs(curves((peaked, peaked), (peaked, peaked), (peaked, rising)), limit=3))
    assert not list(too_few_epochs({}, limit=3))


def test_runs_without_result_are_counted():
    table = pd.DataFrame({"status": ["succeeded", "failed", "missing", "missing"]})
    (finding,) = unfinished(table)
    assert finding.numbers == {"failed": 1, "missing": 2}
    assert not list(unfinished(table[:1]))


def test_a_sweep_with_nothing_to_say_has_no_finding():
    table = ranked([2, 2, 2], p=[2.0, 1.0, 3.0], status="succeeded")
    flat = [0.6, 0.7, 0.65]
    assert find(table, curves(*[(flat, flat)] * 3), ["p"], 3) == []

"""Findings about epochs: which one was picked, and whether there were enough."""

from collections.abc import Iterator

import pandas as pd

from gaintrace.analysis.findings.finding import SIDE_NAMES, Finding

CONFOUNDED_SHARE = 0.5
"""Of a metric's range: what selection must explain to be called its main cause."""


def selection_epoch(ranked: pd.DataFrame, epochs: dict[str, pd.DataFrame]) -> Iterator[Finding]:
    """The runs differ mostly because different epochs of them were picked.

    An encoder's range over the runs at its selected epochs is set against its range at one epoch for all: the latest
    selected one that every run has reached. What the range loses is the share that selection explains; nothing, where
    the best and the worst of them were picked at one epoch.
    """
    for side, name in SIDE_NAMES.items():
        column = f"valid_{side}_auc"
        picked = zip(ranked["run_id"], ranked.get(f"best_epoch_{side}", []), strict=False)
        selected = {run: int(epoch) for run, epoch in picked if run in epochs and pd.notna(epoch)}
        if len(set(selected.values())) < 2:
            continue
        by_epoch = {run: epochs[run].set_index("epoch")[column] for run in selected}
        shared = [epoch for epoch in selected.values() if all(epoch in values.index for values in by_epoch.values())]
        if not shared:  # somebody else's runs, whose epochs are in part unknown
            continue
        matched = max(shared)
        at = [float(by_epoch[run][epoch]) for run, epoch in selected.items()]
        at_selected = _range(at)
        at_matched = _range([float(values[matched]) for values in by_epoch.values()])
        share = 1 - at_matched / at_selected if at_selected > 0 else 0.0
        ends = {epoch for epoch, value in zip(selected.values(), at, strict=True) if value in (min(at), max(at))}
        if share >= CONFOUNDED_SHARE and len(ends) > 1:
            yield Finding(
                name="selection_epoch",
                text=(
                    f"{100 * share:.0f} % of the difference in {name} is which epoch was picked: at their selected "
                    f"epochs ({min(selected.values())} to {max(selected.values())}) the runs differ by "
                    f"{at_selected:.4f} in validation AUC, at epoch {matched} of all of them by {at_matched:.4f}. "
                    "Compare at equal epochs before crediting a parameter."
                ),
                numbers={
                    "metric": column,
                    "epochs": [min(selected.values()), max(selected.values())],
                    "range_at_selected_epochs": at_selected,
                    "range_at_matched_epoch": at_matched,
                    "matched_epoch": matched,
                    "share": share,
                },
            )


def too_few_epochs(epochs: dict[str, pd.DataFrame], limits: dict[str, int]) -> Iterator[Finding]:
    """A metric was still rising when training ended, in at least half of the runs.

    `limits`: how many epochs each run could have, where that is known. Where early stopping by another encoder ended a
    run, it counts as well: its metric was cut off all the same.
    """
    for side, name in SIDE_NAMES.items():
        column = f"valid_{side}_auc"
        known = {run: frame for run, frame in epochs.items() if column in frame}
        rising = [run for run, frame in known.items() if len(frame) > 1 and frame[column].idxmax() == len(frame) - 1]
        if not rising or 2 * len(rising) < len(known):
            continue
        at_limit = sum(len(epochs[run]) >= limits[run] for run in rising if run in limits)
        cure = (
            "Train longer"
            if not limits
            else "Raise training.epochs"
            if at_limit
            else "Early stopping cut it off: raise training.patience, or let each encoder have its own best epoch "
            "(training.selection_metric: per_encoder)"
        )
        of_runs = f" of {len(rising)} of {len(known)} runs" if len(known) > 1 else ""
        yield Finding(
            name="too_few_epochs",
            text=f"{name} was still rising at the last epoch{of_runs}. {cure}.",
            numbers={"metric": column, "rising": len(rising), "runs": len(known), "stopped_at_limit": at_limit},
        )


def _range(values: list[float]) -> float:
    return float(max(values) - min(values))

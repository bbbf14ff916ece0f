"""Two sweeps side by side: what each found, in what they differ, and how much better one's best is than the other's."""

from typing import Any, NamedTuple

import pandas as pd

from gaintrace.analysis.differences import difference
from gaintrace.analysis.draws import resample
from gaintrace.analysis.ranking import Group, configurations, ranked
from gaintrace.analysis.summary import Summary, analyse
from gaintrace.analysis.table import short_names
from gaintrace.config import Objective, Search
from gaintrace.report.drawing import draw
from gaintrace.report.figures.style import palette
from gaintrace.report.tables import Cell, Column, Table
from gaintrace.report.templating import in_both_widths, page_template
from gaintrace.report.verdict import verdict
from gaintrace.report.words import configuration_label, four, interval_text, metric_names, signed
from gaintrace.store import Store
from gaintrace.sweeps.plan import Plan, read_plan

FIGURES = {
    "differences": "Ranking",
    "trade-off": "Trade-off",
    "effects": "Parameter effects",
    "pareto": "E1 against E2",
    "learning-curves": "Learning curves",
}
"""Figures of a report that are set beside each other, where both have them."""
SHARED_ROWS = 50


class Sweep(NamedTuple):
    """One of the two. `epochs`: metrics by epoch, by run."""

    plan: Plan
    summary: Summary
    table: pd.DataFrame
    epochs: dict[str, pd.DataFrame]

    @property
    def best(self) -> Group | None:
        """The runs of the configuration that ranks first."""
        groups = configurations(self.table, list(short_names(self.plan).values()))
        return ranked(groups, self.plan.spec.objective)[0] if groups else None


def beside(store: Store, first: str, second: str) -> str:
    """The page, HTML. Both are in one store."""
    a, b = (_read(store, sweep) for sweep in (first, second))
    drawn = [draw(s.summary, s.table, s.epochs) for s in (a, b)]
    pairs = {
        name: [figures[name] for figures in drawn] for name in FIGURES if all(name in figures for figures in drawn)
    }
    html: str = page_template("beside.html.j2").render(
        sweeps=[(s.summary, verdict(s.summary)) for s in (a, b)],
        differing=differing(a.plan, b.plan),
        best=best_table(store, a, b),
        note=comparable(a, b),
        shared=shared_table(a, b),
        figures={name: [in_both_widths(figure) for figure in pair] for name, pair in pairs.items()},
        titles=FIGURES,
        light=palette(dark=False),
        dark=palette(dark=True),
    )
    return html


def comparable(a: Sweep, b: Sweep) -> str:
    """What the differences between the two rest on, or why there are none."""
    if a.plan.data.hash != b.plan.data.hash:
        return (
            f"The two are of different data ({a.plan.data.name} {a.plan.data.hash[:8]}, {b.plan.data.name} "
            f"{b.plan.data.hash[:8]}), other students with other answers: their AUCs say nothing about each other, so "
            "no differences are shown."
        )
    one, other = a.best, b.best
    if one is None or other is None:
        return "One of the two has nothing to rank."
    shared = {run.repetition for run in one} & {run.repetition for run in other}
    if not shared:
        return "They have no seed and fold in common, so no differences are shown."
    pairs = "a pair" if len(shared) == 1 else f"{len(shared)} pairs"
    return (
        f"Differences are of B's best to A's, on test, over {pairs} of runs of equal seed and fold. "
        "Intervals are paired, 95 %, and leave out that each best was picked out of several."
    )


def best_table(store: Store, a: Sweep, b: Sweep) -> Table | None:
    """The two best configurations on test, by metric."""
    one, other = a.best, b.best
    if one is None or other is None:
        return None
    columns = [Column("On test", "text"), Column("A"), Column("B"), Column("B − A", "interval")]
    read = None
    if a.plan.data.hash == b.plan.data.hash:
        runs = [run.run_id for run in (*one, *other)]
        sides = [side for side in one[0].test if side in other[0].test]
        read = resample(store, list(dict.fromkeys(runs)), int(a.plan.data.hash[:12], 16), sides=sides)
    rows = []
    for metric, name in metric_names(a.summary).items():
        objective: Any = Objective(rank_by=metric, alpha=a.plan.spec.objective.alpha)
        values = [_mean(group, objective) for group in (one, other)]
        gap = difference(other, one, objective, read, None, 2) if read and None not in values else None
        text = Cell("–") if gap is None else Cell(signed(gap.known.mean), interval_text(gap.known))
        rows.append([Cell(name), *(Cell(four(value)) for value in values), text])
    return Table(columns, rows)


def differing(a: Plan, b: Plan) -> Table | None:
    """Everything in which the two were asked for something else; None where there is nothing."""
    rows = [
        [Cell(name), Cell(_text(one)), Cell(_text(other))]
        for name, one, other in _pairs(_asked(a), _asked(b))
        if one != other
    ]
    return Table([Column("Set", "text"), Column("A", "wrap"), Column("B", "wrap")], rows) if rows else None


def shared_table(a: Sweep, b: Sweep) -> Table | None:
    """Configurations that both have by the names and values of what is swept, with their ranks and AUCs on test."""
    found = {configuration_label(c.swept): c for c in b.summary.comparison.configurations}
    both = [
        (c, found[configuration_label(c.swept)])
        for c in a.summary.comparison.configurations
        if c.swept and configuration_label(c.swept) in found
    ]
    if not both or a.plan.data.hash != b.plan.data.hash:
        return None
    columns = [Column("Configuration", "text"), Column("Rank A"), Column("Rank B")]
    columns += [Column(f"{side} {which}") for side in ("E1", "E2") for which in ("A", "B", "B − A")]
    rows = []
    for one, other in both[:SHARED_ROWS]:
        row = [Cell(configuration_label(one.swept)), Cell(str(one.rank)), Cell(str(other.rank))]
        for side in ("test_e1_auc", "test_e2_auc"):
            x, y = float(getattr(one, side)), float(getattr(other, side))
            row += [Cell(four(x)), Cell(four(y)), Cell(signed(y - x))]
        rows.append(row)
    return Table(columns, rows)


def _read(store: Store, sweep: str) -> Sweep:
    plan = read_plan(store, sweep)
    found = analyse(store, plan)
    return Sweep(plan, found.summary, found.table, found.epochs)


def _mean(group: Group, objective: Objective) -> float | None:
    scores = [objective.score(run.test) for run in group if objective.weights.keys() <= run.test.keys()]
    return sum(scores) / len(scores) if len(scores) == len(group) else None


def _asked(plan: Plan) -> dict[str, Any]:
    """What a plan was asked for, by dotted path."""
    spec = plan.spec
    base = _flat("", spec.base.model_dump(mode="json", exclude={"data": {"dataset"}}))
    around: dict[str, Any] = {"data set": f"{plan.data.name} ({plan.data.hash})", "code": plan.code_version}
    around |= {"seeds": spec.seeds or [spec.base.training.seed], "folds": spec.folds or [spec.base.data.fold]}
    around |= {"objective": spec.objective.words, "ranked by": spec.objective.rank_by}
    return base | dict(spec.grid) | _searched(spec.search) | around  # what is swept stands in for the base's value


def _searched(search: Search | None) -> dict[str, Any]:
    """What a search was asked for: where it looks stands in for the base's value too."""
    if search is None:
        return {}
    how = _flat("search", search.model_dump(mode="json", exclude={"space"}))
    return search.where | {name: value for name, value in how.items() if value not in (None, [])}


def _flat(path: str, tree: Any) -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {path: tree}
    return {k: v for name, value in tree.items() for k, v in _flat(f"{path}.{name}".strip("."), value).items()}


def _pairs(a: dict[str, Any], b: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b])]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "–" if value is None else str(value)

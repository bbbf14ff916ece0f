"""How a search is told: round by round, what was stopped and when, and what mattered."""

from gaintrace.analysis.search import Attempt, SearchSummary
from gaintrace.analysis.summary import Summary
from gaintrace.report.tables import PAGE_ROWS, Cell, Column, Table, percent, swept_cells, swept_columns
from gaintrace.report.words import four

HEAD = {"random": "at random", "tpe": "by TPE", "nsga2": "by NSGA-II", "cmaes": "by CMA-ES"}


def sentences(summary: Summary) -> list[str]:
    """What a reader wants to know first; empty without a search."""
    search = summary.search
    if search is None:
        return []
    sought = " and ".join(search.words)
    found = [
        f"{len(search.attempts)} configurations were suggested {HEAD[search.sampler]} in {search.rounds} of "
        f"{search.planned_rounds} rounds, for {sought} on validation."
    ]
    best = best_attempt(search)
    if best is not None and search.area is None:
        found.append(f"The best, {four(best.best)}, came in round {best.round + 1}.")
    elif best is not None:
        found.append(
            f"{on_front(search)} {'is' if len(search.front) == 1 else 'are'} on the front, which dominates "
            f"{search.area:.5f} beyond the AUC of a guess."
        )
    if search.stopped:
        whole = search.epochs_trained + search.epochs_spared
        found.append(
            f"{len(search.stopped)} runs were stopped on their way, which spared {search.epochs_spared} of {whole} "
            "epochs at most."
        )
    finished = sum(one.status == "finished" for one in search.attempts)
    for name, shares in zip(search.words, search.importance.values(), strict=False):
        parts = [f"{path.rpartition('.')[2]} {percent(share)}" for path, share in shares.items()]
        found.append(f"What makes a configuration one of the best in {name}: {', '.join(parts)}.")
    if search.importance:
        found[-1] += f" (PED-ANOVA over {finished} configurations; of so few, roughly.)"
    return found


def on_front(search: SearchSummary) -> str:
    """How many configurations are on the front, of how many that finished."""
    return f"{len(search.front)} of {sum(one.status == 'finished' for one in search.attempts)}"


def best_attempt(search: SearchSummary) -> Attempt | None:
    """The first configuration that came to the best; None where none finished."""
    last = search.attempts[-1].best if search.attempts else None
    return next((one for one in search.attempts if last is not None and one.best == last), None)


def rounds_table(summary: Summary) -> Table | None:
    """A row a round."""
    search = summary.search
    if search is None or not search.attempts:
        return None
    best = "Area dominated so far" if search.area is not None else f"Best {search.words[0]} so far"
    columns = [Column("Round"), *map(Column, ("Configurations", "Finished", "Stopped", "Failed", best))]
    rows = []
    for number in range(search.rounds):
        own = [one for one in search.attempts if one.round == number]
        counts = [sum(one.status == status for one in own) for status in ("finished", "stopped", "failed")]
        value = own[-1].best if own else None
        shown = "–" if value is None else f"{value:.5f}" if search.area is not None else four(value)
        rows.append([Cell(str(number + 1)), *(Cell(str(count)) for count in (len(own), *counts)), Cell(shown)])
    return Table(columns, rows)


def front_table(summary: Summary) -> Table | None:
    """Of two scores, the configurations that no other beats in both, on validation."""
    search = summary.search
    if search is None or not search.front:
        return None
    shown = [search.attempts[place] for place in search.front[:PAGE_ROWS]]
    columns = [*swept_columns(_names(shown[0])), *(Column(f"{words} on validation") for words in search.words)]
    columns += [Column("Round")]
    rows = []
    for one in shown:
        scores = [Cell(four(score)) for score in one.scores or []]
        rows.append([*swept_cells(_short(one)), *scores, Cell(str(one.round + 1))])
    return Table(columns, rows)


def stopped_table(summary: Summary) -> Table | None:
    """What was stopped, when and why, in the order of the plan."""
    search = summary.search
    if search is None or not search.stopped:
        return None
    columns = [Column("Run", "text"), Column("Round"), Column("Stopped after"), Column("Score then")]
    columns += [Column("Reason", "wrap")]
    rows = [
        [Cell(one.run_id, kind="id"), Cell(str(one.round + 1)), Cell(f"epoch {one.epoch} of {one.epochs}"),
         Cell(four(one.score)), Cell(one.reason)]
        for one in search.stopped[:PAGE_ROWS]
    ]  # fmt: skip
    return Table(columns, rows)


def _names(one: Attempt) -> list[str]:
    return list(_short(one))


def _short(one: Attempt) -> dict[str, object]:
    """Values by the last part of their paths, or all of it where that is not enough."""
    last = [path.rpartition(".")[2] for path in one.swept]
    return {
        name if last.count(name) == 1 else path: value
        for name, (path, value) in zip(last, one.swept.items(), strict=True)
    }

"""What a sweep's numbers hide: named findings, each with the numbers behind it, silent where it does not hold.

A finding reads tables, never the weights; so most work on other people's results too, and one that lacks its numbers
there is silent.
"""

from gaintrace.analysis.findings.acting import no_effect_seen, parameter_cannot_act
from gaintrace.analysis.findings.epochs import selection_epoch, too_few_epochs
from gaintrace.analysis.findings.finding import Evidence, Finding
from gaintrace.analysis.findings.grid import edge_of_the_grid, unfinished
from gaintrace.analysis.findings.mastery import degenerate_mastery, exposure_not_mastery, parameters_did_not_move
from gaintrace.analysis.findings.noise import predictions_unread, training_unknown, within_noise
from gaintrace.analysis.findings.splits import splits_disagree

__all__ = ["Evidence", "Finding", "find"]


def find(evidence: Evidence) -> list[Finding]:
    """All findings of a sweep, the gravest first."""
    ranked, epochs, objective = evidence.ranked, evidence.epochs, evidence.spec.objective
    swept = {run: c.swept for c in evidence.comparison.configurations for run in c.runs}
    return [
        *selection_epoch(ranked, epochs),
        *within_noise(evidence.comparison, objective),
        *training_unknown(evidence.comparison),
        *splits_disagree(evidence.comparison, objective),
        *parameter_cannot_act(evidence),
        *no_effect_seen(evidence),
        *predictions_unread(evidence.comparison, swept),
        *parameters_did_not_move(evidence),
        *edge_of_the_grid(evidence),
        *too_few_epochs(epochs, evidence.most_epochs),
        *exposure_not_mastery(evidence),
        *degenerate_mastery(evidence),
        *unfinished(evidence.table),
    ]

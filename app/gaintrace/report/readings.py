"""What the best run's mastery says about students, in sentences, and what that of others is worth."""

import re
from typing import Any

from gaintrace.analysis.summary import Summary
from gaintrace.report.words import MASTERY_NAMES, SIMULATOR_NAMES, four, signed
from gaintrace.runs.result import Interpretability

MASTERY_SHOWN = 25


def mastery_rows(summary: Summary) -> tuple[list[dict[str, Any]], int]:
    """Rows of the table of what mastery alone is worth, a configuration each, and how many are left out.

    A row holds the swept parameters and the means over its runs as they are shown, by the names of MASTERY_NAMES. None
    of one configuration, whose best run's numbers stand in a sentence, and none where nothing was measured.
    """
    measured = summary.mastery_alone
    if len(measured) < 2:
        return [], 0
    rows = [one.swept | {name: _shown(name, one.values[name]) for name in MASTERY_NAMES} for one in measured]
    return rows[:MASTERY_SHOWN], max(0, len(rows) - MASTERY_SHOWN)


def _shown(name: str, value: float | None) -> str:
    return four(value) if value is None or name.endswith("auc") else signed(value)


def readings(summary: Summary) -> list[str]:
    """The measures of the best run's mastery encoder in sentences."""
    measured = summary.interpretability
    assert measured is not None
    sentences = [f"In the best run, on test, mastery {_falls(measured.mastery_falls)}."]
    told = [
        f"{found.mean:+z.3f} within {what} (mean over {found.groups})"
        for what, found in (("skills", measured.future_within_skills), ("students", measured.future_within_students))
        if found.mean is not None
    ]
    if told:
        sentences.append(f"It correlates {' and '.join(told)} with the share of later answers that are correct.")
    sentences += _alone(measured)
    gain = summary.gain
    if gain is not None:
        by_response = (
            f"; {gain.after_correct:z.3f} after a correct answer, {gain.after_wrong:z.3f} after a wrong one"
            if gain.after_correct is not None and gain.after_wrong is not None
            else ""
        )
        worth = "is worth {} units of practice" if measured.mastery_falls is not None else "moves mastery by {}"
        sentences.append(f"An answer {worth.format(f'{gain.mean:z.3f}')}, give or take {gain.std:.3f}{by_response}.")
    if summary.mastery_recovery is not None:
        sentences.append(_recovery(summary.mastery_recovery, summary.simulator or "curve", measured))
    if measured.curve_recovery:
        known = [f"{name} {value:+z.2f}" for name, value in measured.curve_recovery.items() if value is not None]
        if known:
            sentences.append(f"Over skills, learned and simulated parameters correlate: {', '.join(known)}.")
    return [re.sub(r"(?<= )-(?=\d)", "−", sentence) for sentence in sentences]


def _recovery(correlation: float, simulator: str, measured: Interpretability) -> str:
    """What the correlation with simulated mastery says, and of which simulation."""
    said = (
        f"The students are simulated ({simulator}: {SIMULATOR_NAMES[simulator]}): mastery correlates {correlation:.3f} "
        "with the simulated mastery"
    )
    if simulator == "curve" and measured.mastery_falls is not None:
        said += (
            ", which is circular, since that is this encoder's own curve: it says that training finds the curve where "
            "it holds. data.synthetic.simulator bkt and irt simulate others"
        )
    return f"{said}."


def _falls(falls: int | None) -> str:
    if falls is None:
        return "is evidence: right answers raise it and wrong ones lower it"
    return "never fell" if falls == 0 else f"fell {falls} times: it is not what the model promises"


def _alone(measured: Interpretability) -> list[str]:
    """What mastery is worth by itself, beside what needs no encoder."""
    sentences = []
    if measured.mastery_auc is not None:
        beside = measured.skill_base_rate_auc
        than = (
            "" if beside is None else f"; knowing which skill was asked, and nothing of the student, has {beside:.4f}"
        )
        sentences.append(
            f"Mastery against its threshold alone, without what is added, has AUC {measured.mastery_auc:.4f}{than}."
        )
    within, share = measured.mastery_within_skill_auc, measured.right_share_within_skill_auc
    if within is not None and share is not None:
        sentences.append(
            f"Among answers on one skill it has AUC {within:.4f}; the share of right answers so far has {share:.4f}."
        )
    exposure = measured.mastery_exposure_correlation
    if exposure is not None:
        sentences.append(f"Mastery correlates {exposure:+z.3f} with the number of earlier answers on the skill.")
    return sentences

"""The model card of a run that leaves the store: what it was trained on, how good it is, and what its numbers mean."""

import numpy as np
import pandas as pd
import torch

from gaintrace.analysis.bootstrap import StudentBootstrap
from gaintrace.config import RunConfig
from gaintrace.data.dataset import Dataset
from gaintrace.data.split import TEST_FOLD
from gaintrace.model.curves import natural
from gaintrace.runs.predictions import DamagedPredictionsError, predictions_in
from gaintrace.runs.result import EncoderMetrics, RunResult
from gaintrace.store import MissingObjectError
from gaintrace.use.graph import OUTPUTS, inputs_of
from gaintrace.use.trained import Trained
from gaintrace.version import __version__

SEED = 0
LEVEL = 0.95

MEANINGS = {
    "beta_skill": "β, steepness (logits a unit of practice)",
    "m_sat": "M_sat, ceiling of mastery",
    "offset": "offset (logits)",
    "threshold": "θ, mastery at which right and wrong are as likely",
    "temperature": "temperature, mastery that is worth one logit",
    "start": "start, mastery before the first answer",
    "retention": "retention, what is left of earlier answers' weight after one on the skill",
    "prior_share": "prior, weight of the start as a share of the most that answers weigh",
    "transfer": "transfer, what an answer on another skill counts",
    "growth": "growth, logits that practice adds",
    "discrimination": "discrimination, logits that a unit of ability is worth",
}


def card(trained: Trained, dataset: Dataset | None, kind: str, licence: str | None) -> str:
    """Markdown. `dataset`: the run's, where it can still be read; `licence`: of the data, as somebody said."""
    result = trained.result
    parts = [
        f"# gaintrace model {trained.run}",
        "A dual-encoder model of knowledge tracing: encoder 1 predicts whether a student's next answer on a skill is "
        "right, encoder 2 tracks mastery of every skill along a learning curve and predicts through it. Made by "
        f"gaintrace {__version__} (numbers of {result.code_version}) from run {trained.run}, configuration "
        f"{result.config_hash}.",
        "## Data\n\n" + _list(_data(result, trained.config, dataset, licence)),
        "## Split\n\n" + _list(_split(trained.config, dataset)),
        "## Metrics\n\n" + _metrics(trained),
        "## Learning curve\n\n" + _curve(trained),
        "## Use\n\n" + (_graph(trained) if kind == "onnx" else _tensors(trained)),
        "## Limits\n\nPredictions are of students like those of the data, on these skills alone. Mastery is a reading "
        "of answers and no examination; `gaintrace report` of its sweep says how far it can be read.",
        "## Skills\n\n" + _skills(trained),
    ]
    return "\n\n".join(parts) + "\n"


def _data(result: RunResult, config: RunConfig, dataset: Dataset | None, licence: str | None) -> list[str]:
    found = [f"{result.data.name}, content hash {result.data.hash}"]
    if dataset is not None:
        info = dataset.info
        found.append(f"{info.students:,} students, {info.interactions:,} interactions, {len(info.skills):,} skills")
        found += [f"made of {source.name} (sha256 {source.sha256})" for source in info.sources]
    if config.data.synthetic is not None:
        return [*found, "simulated students: no licence"]
    return [*found, f"licence: {licence or 'not recorded; its publisher knows it'}"]


def _split(config: RunConfig, dataset: Dataset | None) -> list[str]:
    fold = config.data.fold
    found = [
        f"by students, as pyKT splits them: a fifth is test, fold {fold} of the others is validation, the rest trained",
        f"histories are read in pieces of at most {config.data.max_sequence_length} interactions",
    ]
    if dataset is not None:
        folds = dataset.students["fold"]
        test, valid = int((folds == TEST_FOLD).sum()), int((folds == fold).sum())
        found.append(f"students: {len(folds) - test - valid:,} trained, {valid:,} validated, {test:,} test")
    return found


def _metrics(trained: Trained) -> str:
    result, intervals = trained.result, _intervals(trained)
    lines = [
        "| encoder | split | AUC | 95 % interval | log loss (nats) | accuracy |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for split, metrics in (("test", result.test), ("validation", result.valid)):
        for side in ("e1", "e2"):
            if metrics is not None:
                own: EncoderMetrics = getattr(metrics, side)
                shown = intervals.get(side, "–") if split == "test" else "–"
                numbers = " | ".join("–" if n is None else f"{n:.4f}" for n in (own.loss, own.accuracy))
                auc = "–" if own.auc is None else f"{own.auc:.4f}"
                lines.append(f"| {side.upper()} | {split} | {auc} | {shown} | {numbers} |")
    text = "\n".join(lines) + "\n\nThe interval is over the test students, by a bootstrap of whole students."
    if result.interpretability is not None:
        told = [f"{side.upper()} {found.error:.4f}" for side, found in result.interpretability.calibration.items()]
        text += f" Expected calibration error on test: {', '.join(told)}."
        alone = result.interpretability.mastery_auc
        text += "" if alone is None else f" AUC of mastery by itself: {alone:.4f}."
    return text


def _intervals(trained: Trained) -> dict[str, str]:
    """Of the test AUC, by encoder; none where the predictions are not there."""
    try:
        frame = predictions_in(trained.folder, ["student", "response", "e1", "e2"])
    except (MissingObjectError, DamagedPredictionsError):
        return {}
    bootstrap = StudentBootstrap(frame["student"].to_numpy(), SEED)
    found = {}
    for side in ("e1", "e2"):
        draws = bootstrap.auc(frame[side].to_numpy(), frame["response"].to_numpy())
        low, high = np.nanquantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        found[side] = f"{low:.4f} to {high:.4f}"
    return found


def curve_table(trained: Trained) -> tuple[pd.DataFrame, dict[str, float]]:
    """Parameters of the learning curve in their units: those of each skill, a row each, and those of all."""
    names = dict(trained.mastery.curve.named_parameters()) | dict(trained.mastery.curve.named_buffers())
    tensors = {name: tensor.detach()[0].cpu() for name, tensor in names.items()}
    by_skill, of_all = {}, {}
    for name, values in natural(tensors).items():
        if name == "gamma_student":  # a student's own: what others get is the mean
            of_all["γ, mean velocity of students"] = float(values.mean())
        elif len(values) == len(trained.skills) and len(values) > 1:
            by_skill[name] = values.numpy()
        else:
            of_all[MEANINGS[name]] = float(torch.as_tensor(values).mean())
    return pd.DataFrame(by_skill, index=pd.Index(trained.skills, name="skill")), of_all


def _curve(trained: Trained) -> str:
    table, of_all = curve_table(trained)
    model = trained.config.model
    text = f"Gain `{model.gain}`, curve `{model.curve}`, ability `{model.ability}`, items `{model.items}`.\n"
    text += "".join(f"\n- {meaning}: {value:.4f}" for meaning, value in of_all.items())
    if len(table.columns):
        text += "".join(f"\n- {MEANINGS[str(name)]}: a skill's own, below" for name in table.columns)
    return text


def _skills(trained: Trained) -> str:
    table, _ = curve_table(trained)
    head = ["number", "skill", *map(str, table.columns)]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for number, (name, row) in enumerate(table.iterrows()):
        shown = str(name).replace("|", "\\|")
        lines.append(f"| {' | '.join([str(number), shown, *(f'{value:.4f}' for value in row)])} |")
    return "\n".join(lines)


def _graph(trained: Trained) -> str:
    longest = trained.config.data.max_sequence_length - 1
    lines = ["| input | type | what it is |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in inputs_of(trained).items()]
    lines += ["", "| output | type | what it is |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | float32 [batch, questions] | {meaning} |" for name, meaning in OUTPUTS.items()]
    items = "" if not trained.reads_items else " Items have the numbers of `items` there, from 1."
    return "\n".join(lines) + (
        f"\n\nAn answer that needs several skills is several answers here. `answers` is at most {longest:,}: of a "
        "longer history give the last. Skills have the numbers below, which are also in the file's metadata: "
        f"`vocabulary`, a JSON object, has `skills` from 0.{items}"
    )


def _tensors(trained: Trained) -> str:
    return (
        "Tensors are named by encoder (`e1`, `e2`) and parameter, as in gaintrace's modules of `model/`; the file's "
        "metadata has one entry, `gaintrace`, a JSON object with `run`, `config` and `vocabulary` (`skills` from 0, "
        f"`items` from 1). gaintrace itself reads the run from its store: `gaintrace predict {trained.run}`."
    )


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)

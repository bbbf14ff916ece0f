"""What tests share: small data sets and configurations."""

from pathlib import Path

import pytest
import torch

from gaintrace.config import RunConfig

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    """Real data sets beside the project; the test is skipped without them."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA


def small_run(**sections: dict[str, object]) -> RunConfig:
    """A run that trains in a second: `small_run(training={"seed": 1})`."""
    tree: dict[str, dict[str, object]] = {
        "data": {"synthetic": {"students": 120, "skills": 5, "mean_length": 20, "seed": 3}, "max_sequence_length": 40},
        "model": {"d_model": 16, "n_heads": 2, "n_blocks": 2, "d_ff": 24},
        "training": {"epochs": 3, "batch_size": 16, "learning_rate": 3e-3},
    }
    for section, values in sections.items():
        tree[section] = {**tree.get(section, {}), **values}
    return RunConfig.model_validate(tree)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from threads, and sums keep one order."""
    torch.set_num_threads(1)

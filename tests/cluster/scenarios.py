"""Workflow parameters of the sweeps that tests submit: small, on CPUs, on simulated students."""

DEMO = ["sweep=demo", "data=", "gpus=0", "cpu=1", "memory=2Gi"]

IMPOSSIBLE = (
    "grid.training.bce_loss_weight=[0.5]; "
    "grid.training.learning_rate=[0.001, 0.0012, 0.0014, 0.0016, 0.0018, 1.0e+30]; base.training.epochs=2"
)
"""Overrides for six runs of which one can only fail: its first step leaves no finite parameter."""

LENIENT = f"{IMPOSSIBLE}; min_coverage=0.8"
"""The same, where five of six are enough."""

UNKNOWN_FIELD = "base.training.no_such_field=1"


def seeded(seed: int, *more: str) -> str:
    """Overrides that make a sweep another one than those of other seeds, so that it trains anew."""
    return "set=" + "; ".join([f"base.training.seed={seed}", *more])

"""Workflow parameters of the sweeps that tests submit: small, on CPUs, on simulated students."""

DEMO = ["sweep=demo", "data=", "gpus=0", "cpu=1", "memory=2Gi"]

SIX = 'grid={"training.bce_loss_weight": [0.3, 0.4, 0.5, 0.6, 0.7, 0.8]}; seeds=[]'
"""Overrides that make six runs of the demo, whatever it is by itself."""

RATES = '{"training.learning_rate": [0.001, 0.0012, 0.0014, 0.0016, 0.0018, 1.0e+30]}'
IMPOSSIBLE = f"grid={RATES}; seeds=[]; base.training.epochs=2"
"""Overrides for six runs of which one can only fail: its first step leaves no finite parameter."""

LENIENT = f"{IMPOSSIBLE}; min_coverage=0.8"
"""The same, where five of six are enough."""

UNKNOWN_FIELD = "base.training.no_such_field=1"


def seeded(seed: int, *more: str) -> str:
    """Overrides that make a sweep another one than those of other seeds, so that it trains anew."""
    grid = [] if any(override.startswith("grid=") for override in more) else [SIX]
    return "set=" + "; ".join([f"base.training.seed={seed}", *grid, *more])


HOSTILE = "[]\nhostNetwork: true\nhostPID: true"
"""A parameter's value that would add to a pod where it was put into YAML as it comes."""

NO_IMAGE = "registry.invalid/gaintrace:none"
"""An image that no node can pull; `.invalid` is a name that never resolves."""


def longest(rows: list[dict[str, str]]) -> int:
    """The latest epoch that a run of results.csv was selected at."""
    ended = [row for row in rows if row["status"] == "succeeded"]
    return max(int(float(row[f"best_epoch_{encoder}"])) for row in ended for encoder in ("e1", "e2"))


def statuses(rows: list[dict[str, str]]) -> list[str]:
    """How the runs of results.csv ended, sorted."""
    return sorted(row["status"] for row in rows)


def reasons(rows: list[dict[str, str]]) -> list[str]:
    """Why runs of results.csv failed."""
    return [row["error"] for row in rows if row["status"] == "failed"]

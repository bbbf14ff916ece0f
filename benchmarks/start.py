"""Whether the properties of a data set say where to start: `gaintrace suggest` after one round on simulated data sets.

python benchmarks/start.py
"""

import argparse
import json
from pathlib import Path

from gaintrace.config import SyntheticConfig, parse_spec
from gaintrace.data.synthetic import generate
from gaintrace.defaults.suggestion import suggest
from gaintrace.pipeline.shards import train_shards
from gaintrace.pipeline.sweep import plan_sweep
from gaintrace.pipeline.training import Machine
from gaintrace.store import open_store

SMALL = """
name: start
base:
  model: {d_model: 8, n_heads: 2, n_blocks: 1, d_ff: 8}
  training: {epochs: 3, batch_size: 32, selection_metric: valid_combined}
search:
  sampler: random
  rounds: 1
  runs_per_round: 8
  space:
    training.learning_rate: {low: 1.0e-3, high: 0.1, log: true}
    model.dropout: {low: 0.0, high: 0.5}
    training.batch_size: [16, 32, 64]
"""
SIMULATED = [
    {"simulator": simulator, "students": students, "skills": skills, "mean_length": length, "seed": seed}
    for seed, (simulator, (students, skills, length)) in enumerate(
        (simulator, size)
        for simulator in ("curve", "bkt", "irt")
        for size in ((100, 4, 12), (400, 20, 20), (200, 10, 40))
    )
]


def main() -> None:
    """Print what SEARCH.md says of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, default=Path("store/benchmarks/start"))
    store = open_store(str(parser.parse_args().store))
    for simulated in SIMULATED:
        spec = parse_spec(SMALL, "benchmarks/start.py", [f"base.data.synthetic={json.dumps(simulated)}"])
        plan, dataset = plan_sweep(spec, store)
        train_shards(plan, dataset, store, range(plan.shards), machine=Machine(device="cpu", threads=1))
    new = generate(SyntheticConfig(simulator="irt", students=300, skills=12, mean_length=25, seed=99))
    found = suggest(store, new, print)
    print(found.text)
    for name in ("by_properties", "by_default"):
        print(f"{name}: {', '.join(f'{getattr(one, name):.4f}' for one in found.left_out)}")
    print(f"Better by properties: {found.gain.mean:.4f} [{found.gain.low:.4f}, {found.gain.high:.4f}]")


if __name__ == "__main__":
    main()

"""What a sweep came to, printed, and what to do next."""

from typing import TYPE_CHECKING

from rich.console import Console

from gaintrace.cli.console import LASTS
from gaintrace.cli.places import of_store
from gaintrace.errors import IncompleteError

if TYPE_CHECKING:
    from gaintrace.pipeline.sweep import Concluded


def show(console: Console, done: "Concluded", out: str) -> None:
    """Print what came out. Raises IncompleteError where too few runs succeeded."""
    from gaintrace.report import terminal

    terminal.show(console, done.summary)
    for problem in done.problems:
        console.print(problem, soft_wrap=True)
    console.print(f"report: {done.report}", soft_wrap=True)
    coverage = done.summary.coverage
    if not coverage.enough:
        raise IncompleteError(
            f"{coverage.succeeded} of {coverage.wanted} runs succeeded and {coverage.required:.0%} must; "
            "results.csv names the others. Run the same command again to try them again, or set min_coverage"
        )
    console.print(f"Next: {_next(done, out)}", soft_wrap=True)
    if done.plan.spec.base.data.synthetic is not None:
        own = "`gaintrace data prepare csv --help`, then `gaintrace train gaintrace --data DATA`"
        console.print(f"With answers of your own: {own} ({LASTS})", soft_wrap=True)


def _next(done: "Concluded", out: str) -> str:
    """Commands that look further at what came out."""
    from gaintrace.identity import IMPORTED

    where = of_store(out)
    sweep_id = done.plan.sweep_id
    commands = [f"gaintrace report {sweep_id}{where}"]
    if done.plan.code_version != IMPORTED:
        commands.append(f"gaintrace trajectories {sweep_id}{where}")
    commands += [f"gaintrace promote {sweep_id}{where}"]
    return ", ".join(f"`{command}`" for command in commands)

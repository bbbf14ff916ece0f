"""What `gaintrace doctor` says of one thing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gaintrace.cluster.api import ForbiddenError
from gaintrace.errors import GaintraceError


@dataclass(frozen=True)
class Check:
    """What was found. `unknown`: we may not look, so somebody else must."""

    verdict: Literal["ok", "unknown", "missing"]
    text: str


def looked(check: Callable[[], Check]) -> Check:
    """A check's answer, or that it could not look."""
    try:
        return check()
    except ForbiddenError as error:
        return Check("unknown", f"you may not {error.what}; somebody who may can run this")
    except GaintraceError as error:
        return Check("missing", str(error))


def plural(count: int, what: str) -> str:
    """`1 node`, `2 nodes`."""
    return f"{count} {what}" + ("" if count == 1 else "s")

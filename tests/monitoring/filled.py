"""What the chart fills in of rules and dashboards, for a release in namespace `research`."""

SITE = {
    "namespace": "research",
    "release": "gaintrace",
    "releaseId": "0a1b2c3d",
    "serviceAccount": "gaintrace",
    "gpuResource": "nvidia_com_gpu",
    "hourlyPrice": "2.5",
    "nightlyDataSets": "2",
    "nightlyPeriod": "86400",
    "nightlyLate": "129600",
    "nightlyTwice": "172800",
}


def filled(text: str, **others: str) -> str:
    """The text with every value in its place."""
    for name, value in (SITE | others).items():
        text = text.replace(f"@{name}@", value)
    return text

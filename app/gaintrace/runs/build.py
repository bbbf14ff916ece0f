"""Which build of the product this process is."""

import os

BUILD = {"GAINTRACE_REVISION": "revision", "GAINTRACE_IMAGE": "image"}
"""Variables that an image and a workflow set, and what they are called in an environment."""


def build() -> dict[str, str]:
    """The commit and the image of this process, as far as they are known."""
    return {name: os.environ[variable] for variable, name in BUILD.items() if os.environ.get(variable)}

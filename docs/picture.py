"""Takes README's picture: the top of the demo's report, in the light, by a headless Chromium. `make docs` runs it."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from gaintrace.config import load_spec
from gaintrace.pipeline.sweep import run_sweep
from gaintrace.store import FolderStore

PICTURE = Path(__file__).parent / "report.png"
WIDTH, HEIGHT = 1180, 1276
COLOURS = 64
"""Enough for text and two lines; the file stays small."""


def main() -> None:
    """Train the demo, which takes half a minute, and write the picture."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        store = FolderStore(Path(place) / "store")
        sweep = run_sweep(load_spec("demo"), store).plan.sweep_id
        page = store.path(f"sweeps/{sweep}/report.html").resolve()
        shot = Path(place) / "shot.png"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [
            f"--screenshot={shot}",
            f"--window-size={WIDTH},{HEIGHT}",
            "--blink-settings=preferredColorScheme=1",
        ]
        command += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={place}/profile", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        buffer = io.BytesIO()
        Image.open(shot).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    PICTURE.write_bytes(buffer.getvalue())
    print(f"{PICTURE.name}: {len(buffer.getvalue()) // 1000} kB")


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as error:
        sys.exit(f"README's picture stays as it is: {error.filename} is not installed")

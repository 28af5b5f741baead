"""Draws every dashboard: `python -m dashboards.preview ANSWERS PICTURES`, two directories.

ANSWERS is what `DRIFTLINE_PREVIEW=ANSWERS pytest tests/dashboards/test_queries.py` writes. Needs npm,
Chromium and uv.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache/dashboard-preview"
WIDTH = 1516
_FEWER_COLOURS = """
import sys
from PIL import Image
Image.open(sys.argv[1]).convert("RGB").quantize(128).save(sys.argv[1], optimize=True)
"""


def bundle() -> Path:
    """Return the script of the page, with Grafana's components in it."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "preview.jsx"):
        shutil.copy(HERE / name, CACHE / name)
    if not (CACHE / "node_modules").exists():
        _run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock")
    target = CACHE / "preview.js"
    settings = ["--bundle", "--minify", "--log-level=error", '--define:process.env.NODE_ENV="production"']
    loaders = ["--loader:.svg=dataurl", "--loader:.ttf=empty"]
    _run("node_modules/.bin/esbuild", "preview.jsx", f"--outfile={target}", *settings, *loaders)
    return target


def draw(name: str, answers: Path, script: Path, picture: Path) -> None:
    """Write the picture of one dashboard."""
    dashboard = json.loads((ROOT / f"dashboards/{name}.json").read_text())
    known = json.dumps({"dashboard": dashboard, "asked": json.loads(answers.read_text())})
    page = CACHE / f"{name}.html"
    styles = script.with_suffix(".css")
    page.write_text(
        f"<!doctype html><meta charset=utf-8><link rel=stylesheet href={styles.name}>"
        "<style>body{margin:8px;background:#f4f5f5}</style>"
        f"<div id=root></div><script>window.DRIFTLINE={known}</script><script src={script.name}></script>"
    )
    height = _height(dashboard)
    _run(
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--allow-file-access-from-files",
        f"--window-size={WIDTH},{height}",
        "--virtual-time-budget=20000",
        f"--screenshot={picture}",
        page.as_uri(),
    )
    # Few colours are enough, and a third of the size. Pillow is fetched for this alone.
    _run("uv", "run", "--no-project", "--with", "pillow", "python", "-c", _FEWER_COLOURS, str(picture))


def _height(dashboard: dict[str, list[dict[str, dict[str, int]]]]) -> int:
    """Return the height of the page, in the units of preview.jsx."""
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    row, gap = (int(re.findall(rf"{name} = (\d+)", (HERE / "preview.jsx").read_text())[0]) for name in ("ROW", "GAP"))
    return 80 + rows * (row + gap)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=CACHE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    asked, pictures = map(Path, sys.argv[1:])
    pictures.mkdir(parents=True, exist_ok=True)
    made = bundle()
    for path in sorted(asked.glob("*.json")):
        draw(path.stem, path, made, pictures.resolve() / f"{path.stem}.png")

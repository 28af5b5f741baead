"""`python -m helm`: write the generated files of the chart anew."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from helm.readme import readme_text
from helm.rules import alerts_in, chart_rules
from helm.schema import schema_text
from helm.values import read_values

ROOT = Path(__file__).parents[1]
CHART = ROOT / "helm" / "driftline"


def generated() -> dict[str, str]:
    """Return the text of every generated file, by its path in the chart."""
    rules = {path.name: path.read_text() for path in sorted((ROOT / "alerts/rules").glob("*.rules.yaml"))}
    copies = {name: chart_rules(name, text) for name, text in rules.items()}
    values = read_values((CHART / "values.yaml").read_text())
    alerts = {
        rule["alert"]: "threshold" in rule for text in copies.values() for rule in alerts_in(yaml.safe_load(text))
    }
    dashboards = {path.name: path.read_text() for path in sorted((ROOT / "dashboards").glob("*.json"))}
    return {
        **{f"files/rules/{name}": text for name, text in copies.items()},
        **{f"files/dashboards/{name}": text for name, text in dashboards.items()},
        "values.schema.json": schema_text(values, dict(sorted(alerts.items()))),
        "README.md": readme_text((ROOT / "helm/readme.md").read_text(), values),
    }


def main() -> int:
    """Write them, and remove copies of what is no more."""
    texts = generated()
    for name, text in texts.items():
        path = CHART / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in [*CHART.glob("files/rules/*"), *CHART.glob("files/dashboards/*")]:
        if str(path.relative_to(CHART)) not in texts:
            path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())

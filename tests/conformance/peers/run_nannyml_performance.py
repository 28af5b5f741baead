"""NannyML's estimates (CBPE) and realised metrics of its own data, in ten chunks of the analysis period.

It is given the folder of outcomes and the CSV to write; runs in the peer's own environment.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from nannyml import CBPE

CHUNKS = 10
METRICS = ["roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "confusion_matrix"]
SCALE = {"car_loan": 100, "credit_card": 100, "employment": 10_000}
EXPONENTS = {"as it is": 1.0, "skewed": 2.0}
"""Scores are also given raised to this power, so that they have to be calibrated."""


def estimates(name, frame, exponent):
    """Yield chunk, metric, estimated, realised and whether scores were calibrated."""
    scores = [column for column in frame if column[1:].isdigit()]
    frame[scores] = (frame[scores] / SCALE[name]) ** exponent
    several = len(scores) > 1
    if several:
        frame[scores] = frame[scores].div(frame[scores].sum(axis=1), axis=0)
    estimator = CBPE(
        problem_type="classification_multiclass" if several else "classification_binary",
        y_true="label",
        y_pred="predicted",
        y_pred_proba=dict(enumerate(scores)) if several else scores[0],
        metrics=METRICS if several else [*METRICS, "average_precision"],
        chunk_number=CHUNKS,
    )
    estimator.fit(frame[frame["reference"]].drop(columns="reference").reset_index(drop=True))
    now = frame[~frame["reference"]].drop(columns="reference").reset_index(drop=True)
    found = estimator.estimate(now).filter(period="analysis").to_df()
    for metric in sorted(set(found.columns.get_level_values(0)) - {"chunk"}):
        for chunk in range(CHUNKS):
            row = found[metric].iloc[chunk]
            yield chunk, metric, row["value"], row["realized"]


def main(folder, path):
    """Ask about every data set, and write the answers."""
    rows = []
    for file in sorted(folder.glob("*.parquet")):
        digest = hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()
        for given, exponent in EXPONENTS.items():
            for chunk, metric, *values in estimates(file.stem, pd.read_parquet(file), exponent):
                numbers = [repr(float(value)) for value in values]
                rows.append((file.stem, digest, given, chunk, metric, version("nannyml"), *numbers))
    with path.open("w", newline="") as file:
        head = "data", "digest", "given", "chunk", "metric", "version", "estimated", "realised"
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


if __name__ == "__main__":
    np.random.seed(0)  # noqa: NPY002 - what the peer draws from
    main(Path(sys.argv[1]), Path(sys.argv[2]))

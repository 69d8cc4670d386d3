#!/usr/bin/env python3
"""Writes label-scores.json: random labels with what scikit-learn and seqeval say of them.

  make_label_scores.py label-scores.json

Needs scikit-learn and seqeval (pip install scikit-learn seqeval).
"""

import json
import random
import sys
import warnings

import numpy
import seqeval.metrics
import seqeval.metrics.sequence_labeling
import sklearn
import sklearn.metrics

warnings.filterwarnings("ignore")

SCHEMES = {
    "IOB2": "BI", "IOB1": "IIIB", "IOE": "IIE", "IOBES": "BIES", "BILOU": "BILU", "mixed": "BIESUL.X",
}


def classification(draw):
    classes = [f"c{number}" for number in range(draw.randint(2, 6))]
    count = draw.choice([1, 2, 7, 40])
    share = draw.random()
    truth = [draw.choice(classes) for _ in range(count)]
    predicted = [label if draw.random() < share else draw.choice(classes) for label in truth]
    # Some classes occur on one side only, or not at all.
    if draw.random() < 0.3:
        predicted = [classes[0]] * count
    precision, recall, f1, support = sklearn.metrics.precision_recall_fscore_support(
        truth, predicted, labels=classes, zero_division=0)
    return {
        "classes": classes, "truth": truth, "predicted": predicted,
        "accuracy": sklearn.metrics.accuracy_score(truth, predicted),
        "macroF1": sklearn.metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        "confusion": sklearn.metrics.confusion_matrix(truth, predicted, labels=classes).tolist(),
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
    }


def tagging(draw, scheme):
    types = draw.choice([["PER"], ["PER", "LOC"], ["A-B", "A", "_"]])
    tags = ["O", "O"] + [f"{prefix}-{type}" for prefix in SCHEMES[scheme] for type in types]
    if scheme == "mixed":
        tags += list(SCHEMES[scheme]) + ["NOUN", "-", "B-", "U-"]
    share = draw.random()
    truth = [[draw.choice(tags) for _ in range(draw.randint(1, 9))] for _ in range(draw.randint(1, 5))]
    predicted = [[tag if draw.random() < share else draw.choice(tags) for tag in row] for row in truth]
    precision, recall, f1, support = seqeval.metrics.sequence_labeling.precision_recall_fscore_support(
        truth, predicted, average="micro", zero_division=0)
    report = seqeval.metrics.classification_report(truth, predicted, output_dict=True, zero_division=0)
    rows = {name: row for name, row in report.items() if not name.endswith(" avg")}
    return {
        "scheme": scheme, "truth": truth, "predicted": predicted,
        "precision": float(precision), "recall": float(recall), "f1": float(f1), "support": int(support),
        "macroF1": float(seqeval.metrics.f1_score(truth, predicted, average="macro", zero_division=0)) if rows else 0.0,
        "types": {name: {key: float(value) for key, value in row.items()} for name, row in rows.items()},
    }


def main():
    draw = random.Random(15)
    cases = {
        "versions": {"scikit-learn": sklearn.__version__, "seqeval": "1.2.2", "numpy": numpy.__version__},
        "classification": [classification(draw) for _ in range(60)],
        "tagging": [tagging(draw, scheme) for scheme in SCHEMES for _ in range(60)],
    }
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(cases, file, separators=(",", ":"), sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Prints the last table of scripts/demo, from the files that the tools wrote.

  scripts/demo_report.py TEXT_FOLDER RUNS_FOLDER TIMES_FILE
"""

import json
import sys
from pathlib import Path


def read_json(path):
    return json.loads(path.read_text("utf-8"))


def cursor(run):
    """The state of a run: its steps, tokens and seconds."""
    return read_json(run / "latest" / "checkpoint.json")["cursor"]


def validations(run):
    """(share of the run's steps, figures) of each validation. A run that was killed and resumed logs some steps twice;
    the last ones count."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    by_step = {line["step"]: line["figures"] for line in lines if line["event"] == "validation"}
    last = cursor(run)["step"]
    return [(step / last, figures) for step, figures in sorted(by_step.items()) if step <= last]


def percent(share):
    return f"{100 * share:.2f} %"


def duration(seconds):
    return f"{seconds // 60:d}:{seconds % 60:02d}"


def data_rows(text):
    index = read_json(text / "shards" / "index.json")
    parts = [index["train"], index["validation"]]
    on_disk = sum(file["size"] for part in parts for file in part["files"])
    yield "text", f"{sum(part['bytes'] for part in parts) / 1e6:.1f} MB in {sum(part['documents'] for part in parts):,} documents"
    yield "tokens", f"{parts[0]['tokens']:,} to learn from, {parts[1]['tokens']:,} held out; vocabulary {index['vocabularySize']:,}"
    yield "shards", f"{on_disk / 1e6:.1f} MB"


def pretraining_rows(runs):
    state = cursor(runs / "pretrained")
    yield "pretraining", (f"{state['step']:,} steps, {state['tokens']:,} tokens in {duration(round(state['seconds']))}, "
                          f"{state['tokens'] / state['seconds']:,.0f} tokens/s")
    scores = read_json(runs / "masked.json")
    low, high = scores["accuracyInterval"]
    yield "held-out accuracy", f"{percent(scores['all']['accuracy'])} of the selected tokens, 95 % interval {percent(low)} to {percent(high)}"
    yield "", f"{percent(scores['outcomes']['masked']['accuracy'])} of those that were masked, the rest being visible"
    yield "", scores["signature"]
    unigram = scores["unigram"]
    yield "unigram baseline", f"{percent(unigram['accuracy'])}, the most frequent token everywhere"
    yield "held-out loss", f"{scores['all']['loss']:.3f} nats a token, unigram {unigram['loss']:.3f}"
    marks = [(share, figures["validationAccuracy"]) for share, figures in validations(runs / "pretrained")]
    # About five points, the last among them.
    chosen = [marks[round(i * (len(marks) - 1) / 4)] for i in range(5)] if len(marks) > 5 else marks
    yield "on the way there", ", ".join(f"{percent(accuracy)} at {100 * share:.0f} %" for share, accuracy in chosen) + " of the run"


def score(runs, name):
    result = read_json(runs / f"{name}.json")
    return f"BLEU {result['bleu']['value']:5.2f}  chrF {result['chrF']['value']:5.2f}"


def run_line(runs, name):
    loss = validations(runs / name)[-1][1]["validationLoss"]
    return f"{score(runs, name)}  validation loss {loss:.3f}  ({cursor(runs / name)['step']:,} steps)"


def translation_rows(text, runs):
    count = sum(1 for _ in (text / "pairs.train.tsv").open("rb"))
    result = read_json(runs / "translator.json")
    yield f"{count:,} pairs", run_line(runs, "translator")
    yield "", f"on {result['pairs']:,} held-out pairs"
    yield "", f"BLEU|{result['bleu']['signature']}"
    yield "", f"chrF|{result['chrF']['signature']}"


def curve_rows(runs):
    """The two ends of the label curve."""
    curve = read_json(runs / "curve" / "curve.json")
    for size in curve["sizes"]:
        arms = [f"{name} {size[arm]['scores'][0]:.2f} [{size[arm]['intervals'][0]['low']:.2f}, {size[arm]['intervals'][0]['high']:.2f}]"
                for arm, name in [("pretrained", "pretrained"), ("scratch", "from scratch")]]
        worth = size["rowsWorth"]
        if not size["scratch"]["hasLearned"]:
            yield f"{size['rows']:,} pairs", f"{curve['metrics'][0]}: {arms[0]}; from scratch the decoder ignores its source"
            continue
        bound = {"within": "", "moreThan": "more than ", "atMost": "at most "}[worth["bound"]]
        yield f"{size['rows']:,} pairs", f"{curve['metrics'][0]}: {', '.join(arms)}; worth {bound}{worth['factor']:.1f} times as many pairs"
    yield "", f"{size['pretrained']['seconds']:.0f} seconds of fine-tuning for each run, one seed"


def print_rows(title, rows):
    print(f"\n{title}")
    for name, value in rows:
        print(f"  {name:20}  {value}")


def main(text, runs, times):
    print_rows("Text", data_rows(text))
    print_rows("Pretraining", pretraining_rows(runs))
    print_rows("Translation, Chinese to English", translation_rows(text, runs))
    print_rows("What pretraining is worth, in equal seconds of fine-tuning", curve_rows(runs))

    print("\nExamples: source, reference, ours")
    pairs = (runs / "examples.tsv").read_text("utf-8").splitlines()
    for pair, ours in zip(pairs, (runs / "translations.txt").read_text("utf-8").splitlines()):
        source, reference = pair.split("\t")
        print(f"  {source}\n    {reference}\n    {ours}")

    print_rows("Where it is", [
        ("text and pairs", text), ("shards, tokenizer", text / "shards"), ("encoder", runs / "pretrained" / "best"),
        ("denoiser", runs / "denoiser" / "best"), ("label curve", runs / "curve" / "curve.svg"),
        ("translator", runs / "translator" / "best"), ("scores", runs / "*.json")])

    rows = [line.split("\t") for line in times.read_text("utf-8").splitlines()]
    print("\nTime")
    for title, seconds, note in rows:
        print(f"  {title:40}  {duration(int(seconds)):>6}  {note}".rstrip())
    print(f"  {'total':40}  {duration(sum(int(seconds) for _, seconds, _ in rows)):>6}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))

#!/usr/bin/env python3
"""Writes sacreBLEU's TER of the sentences in metrics.json and of odd ones, and p-values of its paired tests.

  python3 -m venv /tmp/venv && /tmp/venv/bin/pip install sacrebleu==2.6.0
  /tmp/venv/bin/python make_translation_scores.py .
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

FOLDER = Path(sys.argv[1])
RESAMPLES, TRIALS, SEED = 40, 200, 12345  # PairedTest's seed


def score(hypotheses, references):
    return TER().corpus_score(hypotheses, references).score


def odd_sentences():
    """Names, hypotheses and lists of references."""
    draw = random.Random(1)
    words = [f"w{i}" for i in range(400)]
    yield "empty hypothesis", "", ["the cat sat"]
    yield "empty reference", "the cat sat", [""]
    yield "both empty", "", [""]
    yield "white space", " \t\u3000", ["a\u00a0b\u001cc \u0085 d"]
    yield "equal", "The cat sat.", ["the CAT sat."]
    yield "shift to the front", "on the mat the cat sat", ["the cat sat on the mat"]
    yield "shift of one word", "cat the sat on the mat", ["the cat sat on the mat"]
    yield "two shifts", "e f c d a b g", ["a b c d e f g"]
    yield "reversed", "g f e d c b a", ["a b c d e f g"]
    yield "repeated word", "the " * 30, ["the cat sat on the mat the end of the day"]
    yield "repeated phrase", "a b " * 20, ["b a " * 15 + "c"]
    yield "repeated in the reference", "the cat", ["the " * 200]
    yield "a run longer than a shift", " ".join(words[12:24] + words[:12]), [" ".join(words[:24])]
    yield "a shift that is too far", " ".join(words[60:] + words[:60]), [" ".join(words)]
    yield "very long and shuffled", " ".join(draw.sample(words[:150], 150)), [" ".join(words[:150])]
    yield "very long reference", "w3 w300 w7", [" ".join(words)]
    yield "reference of 60 times the length", "w3 w300 w7 w8", [" ".join(words[:240])]
    yield "very long hypothesis", " ".join(words), ["w3 w300 w7"]
    yield "too many candidates", " ".join(draw.choices("abc", k=80)), [" ".join(draw.choices("abc", k=80))]
    yield "lower case", "ΟΔΟΣ ΣΑΣ' Σ İSTANBUL STRASSE ẞ", ["οδος σας' σ i̇stanbul straße ß"]
    yield "two spellings of é", "caf\u00e9", ["cafe\u0301"]
    yield "Chinese", "我 爱 你 。", ["我爱你。"]
    yield "two references", "the cat sat on mat", ["on the mat the cat sat", "a cat sat on the mat today"]
    yield "an empty one of two references", "the cat", ["", "the dog"]
    for number in range(60):
        size = draw.choice([5, 10, 20, 40, 90])
        letters = words[:draw.choice([3, 8, 30, 200])]
        reference = draw.choices(letters, k=size)
        hypothesis = list(reference)
        for _ in range(draw.choice([1, 2, 4, 8])):
            start = draw.randrange(len(hypothesis) + 1)
            run = hypothesis[start:start + draw.randrange(12)]
            action = draw.randrange(3)
            if action != 1:
                del hypothesis[start:start + len(run)]
            if action != 2:
                place = draw.randrange(len(hypothesis) + 1)
                hypothesis[place:place] = run if action == 0 else draw.choices(letters, k=2)
        yield f"random {number}", " ".join(hypothesis), [" ".join(reference)]


def other_system(hypotheses, references):
    """Translations of another system: some are better, some are worse."""
    draw = random.Random(2)
    for hypothesis, reference in zip(hypotheses, references):
        choice = draw.random()
        if choice < 0.2:
            yield reference
        elif choice < 0.45:
            words = hypothesis.split() if " " in hypothesis else list(hypothesis)
            del words[draw.randrange(len(words))]
            yield (" " if " " in hypothesis else "").join(words)
        else:
            yield hypothesis


def paired(hypotheses, others, references, tokenizer):
    metrics = {"bleu": BLEU(tokenize=tokenizer), "chrF": CHRF(), "chrFPlusPlus": CHRF(word_order=2), "ter": TER()}
    systems = [("A", hypotheses), ("B", others)]
    found = {}
    for test, samples in [("bs", RESAMPLES), ("ar", TRIALS)]:
        _, scores = PairedTest(systems, metrics, [references], test_type=test, n_samples=samples)()
        found[test] = [scores[name][1].p_value for name in scores if name != "System"]
        found["scores"] = [[result.score for result in scores[name]] for name in scores if name != "System"]
    return found


def main():
    corpora = json.loads((FOLDER / "metrics.json").read_text())
    sentences = [{"name": name, "hypothesis": hypothesis, "references": references,
                  "ter": score([hypothesis], [[reference] for reference in references])}
                 for name, hypothesis, references in odd_sentences()]
    whole = {name: {"ter": score(corpus["hypotheses"], [corpus["references"]]),
                    "sentences": [score([h], [[r]]) for h, r in zip(corpus["hypotheses"], corpus["references"])]}
             for name, corpus in corpora.items()}
    (FOLDER / "ter.json").write_text(json.dumps({
        "reference": "sacrebleu 2.6.0", "signature": "nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:2.6.0",
        "corpora": whole, "sentences": sentences}, indent=0, ensure_ascii=False) + "\n")
    pairs = {}
    for name, corpus in corpora.items():
        others = list(other_system(corpus["hypotheses"], corpus["references"]))
        tokenizer = "zh" if name == "zh" else "13a"
        pairs[name] = {"others": others, **paired(corpus["hypotheses"], others, corpus["references"], tokenizer)}
    count = len(corpora["en"]["hypotheses"])
    # What PairedTest draws itself.
    resamples = np.random.default_rng(SEED).choice(count, size=(RESAMPLES, count), replace=True)
    keeps = np.random.default_rng(SEED).integers(2, size=(TRIALS, count), dtype=bool)
    (FOLDER / "paired.json").write_text(json.dumps({
        "reference": "sacrebleu 2.6.0", "corpora": pairs, "resamples": [" ".join(map(str, row)) for row in resamples],
        "keeps": ["".join("01"[int(bit)] for bit in row) for row in keeps]}, indent=0, ensure_ascii=False) + "\n")


main()

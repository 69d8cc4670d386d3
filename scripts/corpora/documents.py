"""What both corpora have in common: which lines are prose, which documents they make, and what must stay out."""

import hashlib
import re
import unicodedata

HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
KANA_OR_HANGUL = re.compile("[\u3040-\u30ff\uac00-\ud7af]")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# What program text, option lists and left-over markup are full of, and prose is not.
SYMBOLS = re.compile(r"[\\_|=<>{}#*~^$@+&/`§]|--|::")
REFUSED = re.compile(r"https?:|www\.|\S@\S+\.|%[sdiu(]|\{\{|</|/>|\$\{|\ufffd|[\u2500-\u257f]|\.\.\.\.|----")
ENGLISH_END = re.compile(r"[.!?…:;][\"'”’)\]]*$")
SENTENCE = re.compile(r".+?(?:[.!?…]+[\"'”’)]*(?=\s|$)|[。！？…]+[”’」』）]*|$)", re.DOTALL)
PIECE_END = re.compile(r"[.!?。！？;；:：\"“”「」『』…—\n]+")
KEY_DROPPED = re.compile(r"[^\w]|_")

DASH = re.compile(r"(?<=[\w,.;:!?\"')]) ?--(?= |\w|\"|$)")
BLANK_BETWEEN_WIDE = re.compile("(?<=[\u2e80-\u9fff\uff00-\uffef]) (?=[\u2e80-\u9fff\uff00-\uffef])")
# Full-width digits and letters.
NARROW = {c: c - 0xFEE0 for start, count in ((0xFF10, 10), (0xFF21, 26), (0xFF41, 26)) for c in range(start, start + count)}

# Long pages are cut between paragraphs into documents of about this many words (a Han character counts as a word):
# no shorter than a training window, and many enough that a split by document leaves both sides alike.
DOCUMENT_WORDS = 300


def tidy(text):
    """One line: no control characters, no runs of blanks, none between Chinese characters; full-width letters narrowed."""
    text = INVISIBLE.sub("", text).translate(NARROW)
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c for c in text) \
        if not text.isascii() or not text.isprintable() else text
    text = BLANK_BETWEEN_WIDE.sub("", " ".join(text.split()))
    # Plain-text dashes are dashes; what still has `--` afterwards is an option or a rule.
    return DASH.sub(" —", text)


def join_wrapped(lines):
    """A paragraph from its wrapped lines: Chinese is joined without a blank, anything else with one."""
    joined = ""
    for line in (line.strip() for line in lines):
        if joined and line and not (is_wide(joined[-1]) and is_wide(line[0])):
            joined += " "
        joined += line
    return joined


def is_wide(character):
    return unicodedata.east_asian_width(character) in "WF"


def key(sentence):
    """What two spellings of one sentence share: letters and digits in small print."""
    return KEY_DROPPED.sub("", unicodedata.normalize("NFKC", sentence).lower())


def sentence_keys(text):
    """The keys of a text, of its sentences and of what it quotes."""
    pieces = PIECE_END.split(text) + SENTENCE.findall(text) + [text]
    return {key(piece) for piece in pieces} - {""}


def word_count(line):
    han = len(HAN.findall(line))
    return len(line.split()) if han == 0 else han + len(re.findall("[A-Za-z]+", line))


def is_english_prose(line):
    if len(line) > 6000 or not ENGLISH_END.search(line) or REFUSED.search(line) or HAN.search(line):
        return False
    words = line.split()
    if len(words) < 5 or not (line[0].isalnum() or line[0] in "\"'“‘("):
        return False
    letters = sum(c.isalpha() for c in line)
    ascii_letters = sum("a" <= c <= "z" or "A" <= c <= "Z" for c in line)
    dense = len(line) - len(words) + 1
    return letters > 0.8 * dense and ascii_letters > 0.97 * letters and len(SYMBOLS.findall(line)) <= 0.015 * len(line)


def is_chinese_prose(line):
    if len(line) > 4000 or REFUSED.search(line) or KANA_OR_HANGUL.search(line):
        return False
    han = len(HAN.findall(line))
    if han < 5 or not (HAN.match(line[0]) or line[0].isalnum() or line[0] in "“‘「『《（(\"'"):
        return False
    dense = len(line) - line.count(" ")
    # Short and without an end: a label or a menu entry.
    if line[-1] not in "。！？；：…”’」』.!?;:\"" and han < 10:
        return False
    return han > 0.42 * dense and len(SYMBOLS.findall(line)) <= 0.04 * len(line)


IS_PROSE = {"english": is_english_prose, "chinese": is_chinese_prose}


class Corpus:
    """One text file in the making. Takes documents, keeps their prose, and each line once."""

    def __init__(self, language, held_out):
        self.documents = []
        self.is_prose = IS_PROSE[language]
        self.held_out = held_out
        self.seen = set()

    def add(self, documents, is_prose=None, least_words=0):
        """Takes documents, each a list of lines, and returns the bytes of what it keeps of them."""
        is_prose = is_prose or self.is_prose
        first = len(self.documents)
        for document in documents:
            lines, words = [], 0
            for line in document:
                line = self.accepted(line, is_prose)
                if line is None:
                    continue
                lines.append(line)
                words += word_count(line)
                if words >= DOCUMENT_WORDS:
                    self.documents.append("\n".join(lines))
                    lines, words = [], 0
            if lines and words >= least_words:
                self.documents.append("\n".join(lines))
        return sum(len(document.encode()) + 2 for document in self.documents[first:])

    def accepted(self, line, is_prose):
        line = tidy(line)
        if not line or not is_prose(line):
            return None
        line = self.without_held_out(line)
        mark = hash_of(key(line))
        if not line or mark in self.seen:
            return None
        self.seen.add(mark)
        return line

    def without_held_out(self, line):
        """The line less every sentence of the validation and test pairs, so that no score is earned by memory."""
        sentences = SENTENCE.findall(line)
        kept = [sentence for sentence in sentences if self.held_out.isdisjoint(sentence_keys(sentence))]
        return line if len(kept) == len(sentences) else "".join(kept).strip()

    def write(self, path):
        """In an order that mixes the sources, so that the first part of the file is like the rest."""
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for document in sorted(self.documents, key=hash_of):
                file.write(document + "\n\n")


def hash_of(text):
    """64 bits that are the same in every run, which Python's own hash is not."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")

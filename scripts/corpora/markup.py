"""Paragraphs of running text from the formats that documentation comes in. Headings, tables, code and menus are left out."""

import gettext
import io
import re
import struct
import zlib
from html.parser import HTMLParser

from corpora.documents import join_wrapped

BLOCKS = {"p", "li", "dd", "dt", "div", "blockquote", "td", "ul", "ol", "dl", "section", "article", "body", "br"}
# `dt` is a term, not a sentence; `sup` holds footnote marks.
SKIPPED = {"pre", "table", "script", "style", "nav", "header", "footer", "aside", "form", "button", "select", "svg",
           "math", "h1", "h2", "h3", "h4", "h5", "h6", "title", "head", "sup", "dt", "textarea", "label"}
# MAC: LibreOffice's pages hold the key names of two systems side by side, and show one of them.
SKIPPED_CLASSES = {"related", "embedded", "toc", "footnotes", "navheader", "navfooter", "docnav", "sphinxsidebar",
                   "highlight", "toctree-wrapper", "admonition-title", "headerlink", "literal-block", "index",
                   "contents", "classifier", "lineno", "titlepage", "noteicon", "howtoget", "term", "MAC"}
VOID = {"br", "img", "hr", "meta", "link", "input", "col", "area", "base", "wbr", "source"}


class PageParser(HTMLParser):
    """Collects the text of a page's blocks."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.paragraphs, self.text = [], []
        self.skipped_tag, self.depth = None, 0

    def flush(self):
        paragraph = " ".join("".join(self.text).split())
        if paragraph:
            self.paragraphs.append(paragraph)
        self.text = []

    def handle_starttag(self, tag, attributes):
        if self.skipped_tag:
            self.depth += tag == self.skipped_tag
            return
        classes = next((value or "" for name, value in attributes if name == "class"), "").split()
        if tag in SKIPPED or (tag not in VOID and SKIPPED_CLASSES.intersection(classes)):
            if tag != "sup":
                self.flush()
            self.skipped_tag, self.depth = tag, 1
        elif tag in BLOCKS or "para" in classes:
            self.flush()

    def handle_endtag(self, tag):
        if self.skipped_tag:
            self.depth -= tag == self.skipped_tag
            if self.depth == 0:
                self.skipped_tag = None
        elif tag in BLOCKS:
            self.flush()

    def handle_data(self, data):
        if not self.skipped_tag:
            self.text.append(data)


def html_paragraphs(data):
    page = PageParser()
    page.feed(data.decode("utf-8", "replace"))
    page.close()
    page.flush()
    return page.paragraphs


ROFF_TEXT_BREAKS = re.compile(r"^\.\s*(PP|P|LP|IP|TP|TQ|HP|RS|RE|br|sp|Pp|It|Bl|El|SS|Sh|Ss)\b")
ROFF_FONT_LINE = re.compile(r"^\.\s*(B|I|BR|RB|BI|IB|IR|RI|SM|SB|Nm|Fl|Ar|Xr|Pa)\s+(.*)")
ROFF_SKIPPED_SECTION = re.compile(r"^\.\s*(SH|Sh)\s+\"?(.*?)\"?\s*$")
ROFF_CHARACTERS = {"(aq": "'", "(dq": '"', "(lq": "“", "(rq": "”", "(oq": "‘", "(cq": "’", "(em": "—", "(en": "–",
                   "(bu": "", "(co": "©", "(ti": "~", "(ha": "^", "(rs": "\\", "(mu": "×", "(->": "→"}
# What every page repeats, or is no prose: names, synopses, translators' notes.
BOILERPLATE = re.compile("名称|名字|概述|总览|总揽|语法|译|作者|版权|著作|参见|另见|又见|参看|维护|跋|许可|NAME|SYNOPSIS|AUTHOR"
                         "|COPYRIGHT|SEE|COLOPHON|REPORTING|BUGS")


def roff_paragraphs(data):
    """The paragraphs of a manual page: fonts and escapes undone, displays and boilerplate sections dropped."""
    paragraphs, lines = [], []
    display = section_dropped = False

    def flush():
        if lines and not section_dropped:
            paragraphs.append(join_wrapped(lines))
        lines.clear()

    for line in data.decode("utf-8", "replace").split("\n"):
        if re.match(r"^[.']\s*(nf|EX|TS|Bd|de|ig)\b", line):
            flush()
            display = True
        elif re.match(r"^[.']\s*(fi|EE|TE|Ed|\.)(\s|$)|^\.\.", line):
            display = False
        elif display:
            continue
        elif ROFF_SKIPPED_SECTION.match(line):
            flush()
            section_dropped = bool(BOILERPLATE.search(ROFF_SKIPPED_SECTION.match(line).group(2)))
        elif ROFF_FONT_LINE.match(line):
            kind, text = ROFF_FONT_LINE.match(line).groups()
            words = [quoted or plain for quoted, plain in re.findall(r'"([^"]*)"|(\S+)', text)]
            lines.append(plain_roff(("" if len(kind) == 2 and kind != "SM" else " ").join(words)))
        elif line.startswith((".", "'")):
            if ROFF_TEXT_BREAKS.match(line) or not line.startswith(".\\"):
                flush()
        elif not line.strip() or line[0] == " ":
            flush()
            if line.strip():
                lines.append(plain_roff(line))
        else:
            lines.append(plain_roff(line))
    flush()
    return paragraphs


def plain_roff(text):
    text = re.sub(r'\\".*', "", text)
    text = re.sub(r"\\f(\(..|\[[^\]]*\]|.)|\\s[-+]?\d+|\\[&/,|^:%udc]|\\m\[[^\]]*\]", "", text)
    text = re.sub(r"\\(\(..|\[..\])", lambda m: ROFF_CHARACTERS.get("(" + m.group(1).strip("([]"), ""), text)
    return text.replace("\\-", "-").replace("\\e", "\\").replace("\\ ", " ").replace("\\~", " ").replace("\\'", "'")


ESCAPE_SEQUENCE = re.compile(r"\x1b?\[[0-9;]*m")


def plain_paragraphs(text):
    """Paragraphs of plain text: blank lines and changes of indentation part them."""
    paragraphs, lines, indentation = [], [], None
    for line in ESCAPE_SEQUENCE.sub("", text).replace("\r", "").expandtabs().split("\n") + [""]:
        indent = len(line) - len(line.lstrip())
        if not line.strip() or (lines and indent != indentation and len(lines) > 1):
            if lines:
                paragraphs.append(join_wrapped(lines))
            lines = []
        if line.strip():
            lines.append(line)
            indentation = indent
    return paragraphs


def catalogue(data):
    """(original, translation) of every message of a gettext catalogue, in order of the original."""
    messages = {}
    for original, translation in gettext.GNUTranslations(io.BytesIO(data))._catalog.items():
        original = original[0] if isinstance(original, tuple) else original
        # A context comes before the original, parted by this character.
        messages.setdefault(original.split("\x04")[-1], translation)
    return sorted(messages.items())


def r_text_lines(data):
    """Lines of the character vectors in an R data base: blocks of length and zlib stream, each a serialised vector."""
    lines = []
    while data:
        stream = zlib.decompressobj()
        vector = stream.decompress(data[4:])
        data = stream.unused_data
        # After the header: type 16 (strings), their count; then per string its flags (type 9), length, bytes.
        offset = vector.index(b"\x00\x00\x00\x10") + 8
        while offset + 8 <= len(vector):
            flags, length = struct.unpack_from(">Ii", vector, offset)
            if flags & 0xFF != 9 or length < 0:
                break
            lines.append(vector[offset + 8:offset + 8 + length].decode("utf-8", "replace"))
            offset += 8 + length
        lines.append("")
    return lines


def sword_chapters(index, verses, blocks):
    """Chapters of a SWORD module (zText): lists of verses, without notes and titles."""
    texts = [zlib.decompress(blocks[offset:offset + size]) for offset, size, _ in struct.iter_unpack("<III", index)]
    chapters = [[]]
    for block, offset, length in struct.iter_unpack("<IIH", verses):
        if length == 0:
            continue
        verse = texts[block][offset:offset + length].decode("utf-8")
        if re.search(r"<chapter[^>]*\bsID=", verse):
            chapters.append([])
        # A note stands between two words without a blank of its own.
        verse = re.sub(r"<(note|title)\b.*?</\1>", " ", verse, flags=re.DOTALL)
        verse = re.sub(r"\s+([,.;:!?])", r"\1", " ".join(re.sub(r"<[^>]*>", "", verse).split()))
        if verse:
            chapters[-1].append(verse)
    return [chapter for chapter in chapters if chapter]


def dictionary_entries(text):
    """Entries of a dict file: a headword at the margin, its explanation indented below."""
    entries, lines = [], []
    for line in text.split("\n"):
        if line[:1].strip():
            if lines:
                entries.append("\n".join(lines))
            lines = []
        else:
            lines.append(line)
    entries.append("\n".join(lines))
    return entries

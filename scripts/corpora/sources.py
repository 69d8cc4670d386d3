"""The sources: what each is called, what it may be used for, and how its documents are read."""

import gzip
import re
from dataclasses import dataclass
from typing import Callable

from corpora.archives import package_files
from corpora.markup import (
    catalogue, dictionary_entries, html_paragraphs, plain_paragraphs, r_text_lines, roff_paragraphs, sword_chapters)


@dataclass(frozen=True)
class Source:
    language: str
    name: str
    licence: str
    package: str
    """A pattern for the package's whole name, since versions are part of many names."""
    read: Callable
    """From the package's archive to documents: lists of paragraphs."""
    quick: bool = False
    """Part of the small set, too."""
    least_words: int = 0
    """Documents with fewer words are left out: where they are but a formula filled in."""


def pages(pattern, paragraphs=html_paragraphs):
    """A document from each file of the package that matches."""
    def read(archive):
        return [paragraphs(plain(path, data)) for path, data in package_files(archive, pattern)]
    return read


def plain(path, data):
    return gzip.decompress(data) if path.endswith((".gz", ".dz")) else data


def text_parts(pattern, separator):
    """A document from each part of plain-text files."""
    def read(archive):
        return [plain_paragraphs(part) for path, data in package_files(archive, pattern)
                for part in plain(path, data).decode("utf-8", "replace").split(separator)]
    return read


def fortunes(archive):
    """Sayings, without the line that names their author."""
    documents = []
    for path, data in package_files(archive, r"usr/share/games/fortunes/[a-z0-9-]+$"):
        for part in data.decode("utf-8", "replace").split("\n%\n"):
            paragraphs = plain_paragraphs(re.sub(r"(?m)^\s*(\x1b\[[0-9;]*m)?\s*--.*(\n\s+.*)*$", "", part))
            documents.append([line for line in paragraphs if not re.match("《|作者[：:]", line)])
    return documents


def essays(archive):
    """The anarchist FAQ, without the references in brackets that break its sentences."""
    reference = r"\s*\[[^\[\]]*(?:\bpp?\.|\bvol\.|Op\. Cit|Ibid|quoted by|[Ee]mphasis)[^\[\]]*\]"
    return [[re.sub(reference, "", line) for line in html_paragraphs(data)]
            for _, data in package_files(archive, r"doc/anarchism/html/.*\.html$")]


def novels(archive):
    (_, data), = package_files(archive, r"/data/Rdata\.rdb$")
    text = re.sub(r"_(\w[^_]*)_", r"\1", "\n".join(r_text_lines(data)))
    return [plain_paragraphs(chapter) for chapter in re.split(r"(?mi)^\s*(?:chapter|volume)\s+[\divxlc]+\.?\s*$", text)]


def bible(archive):
    files = dict((path.rsplit("/", 1)[1], data) for path, data in package_files(archive, r"/[on]t\.bz[szv]$"))
    return [paragraphs_of_verses(chapter) for part in ("ot", "nt")
            for chapter in sword_chapters(files[part + ".bzs"], files[part + ".bzv"], files[part + ".bzz"])]


def paragraphs_of_verses(verses):
    """A verse may end in the middle of a sentence; a paragraph here does not."""
    paragraphs, start = [], 0
    for index, verse in enumerate(verses, 1):
        if index == len(verses) or (index - start >= 4 and re.search(r"[.!?][”’\"]*$", verse)):
            paragraphs.append(" ".join(verses[start:index]))
            start = index
    return paragraphs


def game_messages(side):
    """Cataclysm's messages; what is put together at run time is no sentence and has no documents."""
    def read(archive):
        (_, data), = package_files(archive, r"locale/zh_CN/LC_MESSAGES/cataclysm-dda\.mo$")
        documents = []
        for message in catalogue(data):
            text = re.sub(r"</?(?:color|info|good|bad|neutral|stat|header)[^>]*>", "", message[side])
            # <name>, <zombie>, %s and $name stand for words that are not there.
            if not re.search(r"<[a-z_]+>|%[\d$.]*[a-z]|\$[a-z]|\{|\}|&[a-z]", text, re.IGNORECASE):
                documents.append([line.strip(" *\t-") for line in re.split(r"\n+", text)])
        return documents
    return read


def dictionary(archive):
    documents = []
    for path, data in package_files(archive, r"usr/share/dictd/.*\.dict\.dz$"):
        for entry in dictionary_entries(plain(path, data).decode("utf-8", "replace")):
            entry = re.sub(r"\{\s*([^{}]*?)\s*\}", r"\1", entry)
            entry = re.sub(r"<[a-z, ]+>\s*|\[techspeak\]\s*|^\s*\d+\.\s+", "", entry, flags=re.MULTILINE)
            documents.append([re.sub(r"^\((?:\d{4}-|Or |After |From )[^)]*\)\s*", "", line)
                              for line in plain_paragraphs(entry)])
    return documents


def descriptions(language):
    """Package descriptions from apt's translation lists (here the argument is the folder of lists, not an archive)."""
    def read(lists):
        documents = []
        for path in sorted(lists.glob(f"*_i18n_Translation-{language}")):
            for entry in path.read_text("utf-8", "replace").split("\n\n"):
                # The long description: indented by a blank; a full stop alone parts paragraphs.
                body = re.findall(r"(?m)^ (.*)$", entry.split("Description-", 2)[-1])
                documents.append(plain_paragraphs("\n".join("" if line == "." else line for line in body)))
        return documents
    return read


def kernel_pages(archive):
    """The kernel manual's chapters for people; the reference that is made from source code is no prose."""
    chosen = ("process|maintainer|doc-guide|kernel-hacking|locking|RCU|scheduler|admin-guide|mm|dev-tools|filesystems"
              "|power|security|core-api|block|livepatch|trace|input")
    pattern = rf"/html/(?:{chosen})/(?!.*(?:abi-|maintainers\.html|kernel-parameters|index\.html)).*\.html$"
    return [html_paragraphs(data) for _, data in package_files(archive, pattern) if len(data) < 300_000]


LIBREOFFICE_PAGE = r"/help/{}/text/(?:swriter|scalc|simpress|sdraw|smath|schart|shared)/.*\.html$"
DESCRIPTIONS_LICENCE = "each package's own (Debian descriptions)"

SOURCES = [
    Source("english", "anarchism", "GPL-2", "anarchism", essays, quick=True),
    Source("english", "janeaustenr", "public domain (MIT package)", "r-cran-janeaustenr", novels, quick=True),
    Source("english", "world-english-bible", "public domain", "sword-text-web", bible),
    Source("english", "cataclysm", "CC-BY-SA-3.0", "cataclysm-dda-data", game_messages(0)),
    Source("english", "libreoffice-help", "MPL-2.0", "libreoffice-help-en-us",
           pages(LIBREOFFICE_PAGE.format("en-US")), quick=True),
    Source("english", "fortunes", "see its copyright file", "fortunes", fortunes),
    Source("english", "foldoc", "GFDL", "dict-foldoc", dictionary),
    Source("english", "jargon", "public domain", "dict-jargon", dictionary),
    Source("english", "crawl", "GPL-2+", "crawl-common",
           text_parts(r"dat/descript/[a-z]+\.txt$", "\n%%%%\n")),
    Source("english", "debian-handbook", "GPL-2+ or CC-BY-SA-3.0", "debian-handbook",
           pages(r"html/en-US/.*\.html$")),
    Source("english", "installation-guide", "GPL-2", "installation-guide-amd64", pages(r"amd64/en/.*\.html$")),
    Source("english", "debian-reference", "GPL-2+", "debian-reference-en", pages(r"/ch\d+\.en\.html$")),
    Source("english", "debian-faq", "GPL-2+", "debian-faq", pages(r"FAQ/.*\.en\.html$")),
    Source("english", "debian-policy", "GPL-2+", "debian-policy", pages(r"debian-policy/policy\.html/(?!upgrading).*\.html$")),
    Source("english", "developers-reference", "GPL-2+", "developers-reference",
           pages(r"developers-reference/(?!developers-reference|genindex|search)[^/]*\.html$")),
    Source("english", "harden-doc", "GPL-2+", "harden-doc", pages(r"html/en-US/.*\.html$")),
    Source("english", "debian-history", "GPL-2+", "debian-history", pages(r"docs/.*\.en\.html$")),
    Source("english", "linux-doc", "GPL-2", r"linux-doc-\d+\.\d+", kernel_pages),
    Source("english", "package-descriptions", DESCRIPTIONS_LICENCE, "", descriptions("en"), quick=True, least_words=60),

    Source("chinese", "libreoffice-help", "MPL-2.0", "libreoffice-help-zh-cn",
           pages(LIBREOFFICE_PAGE.format("zh-CN")), quick=True),
    Source("chinese", "cataclysm", "CC-BY-SA-3.0", "cataclysm-dda-data", game_messages(1)),
    Source("chinese", "linux-doc", "GPL-2", r"linux-doc-\d+\.\d+", pages(r"/html/translations/zh_CN/.*\.html$")),
    Source("chinese", "debian-handbook", "GPL-2+ or CC-BY-SA-3.0", "debian-handbook",
           pages(r"html/zh-CN/.*\.html$")),
    Source("chinese", "installation-guide", "GPL-2", "installation-guide-amd64", pages(r"amd64/zh_CN/.*\.html$")),
    Source("chinese", "debian-reference", "GPL-2+", "debian-reference-zh-cn", pages(r"/ch\d+\.zh-cn\.html$"),
           quick=True),
    Source("chinese", "debian-faq", "GPL-2+", "debian-faq-zh-cn", pages(r"FAQ/zh-cn/.*\.html$"), quick=True),
    Source("chinese", "maint-guide", "GPL-2+", "maint-guide-zh-cn", pages(r"html/.*\.zh-cn\.html$"), quick=True),
    Source("chinese", "crawl", "GPL-2+", "crawl-common",
           text_parts(r"dat/descript/zh/[a-z]+\.txt$", "\n%%%%\n")),
    Source("chinese", "fortunes-zh", "see its copyright file", "fortunes-zh", fortunes, quick=True),
    Source("chinese", "package-descriptions", DESCRIPTIONS_LICENCE, "", descriptions("zh%5fCN"), quick=True),
    Source("chinese", "manpages-zh", "mixed free, GPL and GFDL", "manpages-zh",
           pages(r"man/zh_CN/.*\.gz$", roff_paragraphs), quick=True),
]

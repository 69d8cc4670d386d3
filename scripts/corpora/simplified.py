"""Traditional characters to simplified ones."""

import os
import re
import shutil
import subprocess

from corpora.archives import FetchError, say
from corpora.documents import tidy

# Where 著 is but the traditional form of the particle 着, which OpenCC leaves alone outside its phrases.
PARTICLE = re.compile("(?<![显名原专编论土卓昭巨拙遗译合])著(?![名作称者述书])")


class Simplifier:
    """OpenCC: the machine's, or one unpacked beside the downloads. Without it, text stays as it is."""

    def __init__(self, apt, folder):
        self.environment = dict(os.environ)
        self.command = ["opencc", "-c", "t2s.json"]
        if shutil.which("opencc"):
            return
        try:
            for package in ("opencc", r"libopencc1\.\d+", "libopencc-data", "libmarisa0"):
                subprocess.run(["dpkg-deb", "-x", str(apt.archive(package)), str(folder)], check=True)
            libraries = {str(path.parent.resolve()) for path in folder.glob("usr/lib/**/*.so*")}
            self.environment["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
            configuration = (folder / "usr/share/opencc/t2s.json").resolve()
            self.command = [str(folder / "usr/bin/opencc"), "-c", str(configuration)]
        except (FetchError, OSError, subprocess.CalledProcessError) as error:
            self.give_up(error)

    def give_up(self, error):
        say(f"warning: opencc: {error}; traditional characters stay as they are; install opencc for simplified ones")
        self.command = None

    def lines(self, lines):
        if not lines or self.command is None:
            return lines
        try:
            text = "\n".join(lines) + "\n"
            done = subprocess.run(self.command, input=text, stdout=subprocess.PIPE, encoding="utf-8",
                                  env=self.environment, check=True)
            converted = done.stdout.split("\n")[:-1]
            if len(converted) != len(lines):
                raise FetchError(f"{len(converted)} lines out for {len(lines)} in")
        except (FetchError, OSError, subprocess.CalledProcessError) as error:
            self.give_up(error)
            return lines
        return [PARTICLE.sub("着", line).replace("妳", "你") for line in converted]

    def documents(self, documents):
        lines = iter(self.lines([tidy(line) for document in documents for line in document]))
        return [[next(lines) for _ in document] for document in documents]

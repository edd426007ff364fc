# Copyright: (c) 2026, slipway.kubernetes contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a virtual environment and a collections path for this checkout.

Needs the standard library alone, and does nothing when nothing has changed.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = {
    "runtime": ROOT / "tests/requirements-runtime.txt",
    "test": ROOT / "tests/requirements.txt",
}
COLLECTIONS = ROOT / "tests/requirements.yml"
# The `ansible` releases on PyPI that carry a kubernetes.core: the way to it
# where Galaxy is out of reach.
ANSIBLE_RELEASES = {"6.3.0": "13.4.0", "6.4.0": "13.8.0", "6.5.0": "14.3.0", "6.6.0": "14.5.0"}
# Seconds that one answer of Galaxy, and the whole download, may take.
GALAXY_ANSWER, GALAXY_TOTAL = 5, 60
MINIMUM_PYTHON = (3, 11)


class BootstrapError(Exception):
    """A sentence for the person at the terminal."""


def say(text: str) -> None:
    print(f"==> {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, **options) -> None:
    subprocess.run([str(part) for part in command], check=True, **options)


def requirement_files(path: Path) -> list[Path]:
    """A requirements file and those that it includes with -r."""
    included = re.findall(r"^-r\s+(\S+)", path.read_text(), re.MULTILINE)
    return [path] + [file for name in included for file in requirement_files(path.parent / name)]


def digest(paths: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def make_venv(directory: Path, level: str) -> Path:
    """Create or update the environment; return its bin directory."""
    stamp_file = directory / "slipway.json"
    try:
        stamp = json.loads(stamp_file.read_text())
    except (OSError, ValueError):
        stamp = {}
    # The scripts of an environment hold its path: one that was moved is dead.
    made_by = [sys.executable, sys.version, str(directory)]
    if stamp.get("made_by") != made_by:
        if directory.exists():
            if not stamp and any(directory.iterdir()):
                raise BootstrapError(f"{directory} exists and is no environment that this has made; remove it or set VENV.")
            shutil.rmtree(directory)
        say(f"making {directory.name} with Python {sys.version.split()[0]}")
        # It is known for ours however far the making of it comes.
        directory.mkdir(parents=True)
        stamp_file.write_text(json.dumps({"made_by": None}))
        try:
            venv.EnvBuilder(with_pip=True, symlinks=True).create(directory)
        except (subprocess.CalledProcessError, ImportError) as error:
            raise BootstrapError(
                f"Python cannot make a virtual environment ({error}); on Debian and Ubuntu install python3-venv."
            ) from error
        stamp = {"made_by": made_by}

    # What is installed for the tests includes what a demo needs.
    levels = list(REQUIREMENTS)[list(REQUIREMENTS).index(level):]
    wanted = {name: digest(requirement_files(REQUIREMENTS[name])) for name in levels}
    if not any(stamp.get(name) == wanted[name] for name in levels):
        say(f"installing the Python packages of {REQUIREMENTS[level].relative_to(ROOT)}")
        try:
            run(directory / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                "--requirement", REQUIREMENTS[level])
        except subprocess.CalledProcessError as error:
            raise BootstrapError("pip could not install the packages; its message is above.") from error
        stamp[level] = wanted[level]
        stamp_file.write_text(json.dumps(stamp))
    return directory / "bin"


def pinned_collections() -> dict[str, str]:
    """tests/requirements.yml as {name: version}, without a YAML parser."""
    pins = re.findall(r"- name: (\S+)\n\s+version: (\S+)", COLLECTIONS.read_text())
    if [name for name, _version in pins] != ["kubernetes.core"]:
        raise BootstrapError(f"{COLLECTIONS.relative_to(ROOT)} must pin kubernetes.core and nothing else.")
    return dict(pins)


def installed_version(collection: Path) -> str | None:
    try:
        return json.loads((collection / "MANIFEST.json").read_text())["collection_info"]["version"]
    except (OSError, ValueError, KeyError):
        return None


def from_galaxy(bin_directory: Path, target: Path, name: str, version: str) -> bool:
    try:
        run(bin_directory / "ansible-galaxy", "collection", "install", f"{name}:{version}", "--no-deps",
            "--timeout", str(GALAXY_ANSWER), "--collections-path", target,
            timeout=GALAXY_TOTAL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(target)})
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return False
    return True


def from_pypi(bin_directory: Path, target: Path, name: str, release: str) -> None:
    """Unpack one collection out of the `ansible` package, which holds 50 MB more."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            # The Python version is that of the package, which need not be ours:
            # what is wanted of it is independent of both.
            run(bin_directory / "python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
                "--no-deps", "--only-binary", ":all:", "--python-version", "3.13",
                "--dest", scratch, f"ansible=={release}")
        except subprocess.CalledProcessError as error:
            raise BootstrapError(f"{name} could not be had from Galaxy, nor from PyPI's ansible package.") from error
        prefix = f"ansible_collections/{name.replace('.', '/')}/"
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            wheel.extractall(target, [member for member in wheel.namelist() if member.startswith(prefix)])


def cached_collection(bin_directory: Path, name: str, version: str) -> Path:
    """The unpacked collection in the user's cache, fetched once for all checkouts."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway-kubernetes/collections"
    collection = cache / f"{name}-{version}"
    if installed_version(collection) == version:
        return collection
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        fetched = Path(scratch) / "ansible_collections" / name.replace(".", "/")
        say(f"fetching {name} {version} from Galaxy")
        if not from_galaxy(bin_directory, Path(scratch), name, version):
            if not (release := ANSIBLE_RELEASES.get(version)):
                raise BootstrapError(f"Galaxy is out of reach, and ANSIBLE_RELEASES says of no release that it holds {name} {version}.")
            say(f"Galaxy is out of reach: taking {name} from PyPI's ansible {release} (50 MB, once)")
            from_pypi(bin_directory, Path(scratch), name, release)
        if installed_version(fetched) != version:
            raise BootstrapError(f"ansible {release} holds {name} {installed_version(fetched)}, not {version}: correct ANSIBLE_RELEASES.")
        shutil.rmtree(collection, ignore_errors=True)
        fetched.rename(collection)
    return collection


def make_collections(bin_directory: Path, directory: Path) -> None:
    """kubernetes.core as files, slipway.kubernetes as a link to this checkout."""
    tree = directory / "ansible_collections"
    for name, version in pinned_collections().items():
        target = tree / name.replace(".", "/")
        if installed_version(target) != version:
            source = cached_collection(bin_directory, name, version)
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
    link = tree / "slipway/kubernetes"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink() or link.resolve() != ROOT:
        link.unlink(missing_ok=True)
        link.symlink_to(os.path.relpath(ROOT, link.parent.resolve()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("level", choices=REQUIREMENTS, help="packages to install")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--collections", type=Path, default=ROOT / ".collections")
    options = parser.parse_args()
    try:
        if sys.version_info < MINIMUM_PYTHON:
            raise BootstrapError(
                f"Python {'.'.join(map(str, MINIMUM_PYTHON))} or newer is needed, {sys.executable} is "
                f"{sys.version.split()[0]}; name another with `make PYTHON=python3.12 ...`."
            )
        options.collections.mkdir(parents=True, exist_ok=True)
        with open(options.collections / ".lock", "w") as lock:
            # Two makes in one checkout must not install over each other.
            fcntl.flock(lock, fcntl.LOCK_EX)
            bin_directory = make_venv(options.venv.resolve(), options.level)
            make_collections(bin_directory, options.collections.absolute())
    except BootstrapError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

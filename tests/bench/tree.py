"""Builds the large tree: packages of PyPI and npm by name and version, unpacked side by side."""

import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
LISTS = [HERE / "large-python.txt", HERE / "large-npm.txt"]


def names(path):
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def run(*command, folder):
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def unpack_wheel(wheel, into):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)


def unpack_npm(archive, into):
    with tarfile.open(archive) as package:
        package.extractall(into, filter="data")


def build(folder, pip):
    """The tree below `folder`, made anew when the lists of packages are other than those it was made of."""
    tree, downloads, made_of = folder / "tree", folder / "downloads", folder / "made-of"
    wanted = "\n".join(path.read_text(encoding="utf-8") for path in LISTS)
    if made_of.exists() and made_of.read_text(encoding="utf-8") == wanted:
        return tree
    shutil.rmtree(folder, ignore_errors=True)
    downloads.mkdir(parents=True)
    for name in names(LISTS[0]):
        # Wheels only: to unpack one runs nothing. For any Python, as the packages are never imported.
        run(pip, "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
            "--ignore-requires-python", "--dest", downloads, name, folder=folder)
    for wheel in sorted(downloads.glob("*.whl")):
        unpack_wheel(wheel, tree / "python" / wheel.name.split("-")[0])
    for number, name in enumerate(names(LISTS[1])):
        run("npm", "pack", "--silent", name, folder=downloads)
        archive = next(downloads.glob("*.tgz"))
        unpack_npm(archive, tree / "web" / str(number))
        archive.unlink()
    # A top of a checkout: what is ignored above it is of no matter.
    (tree / ".git").mkdir()
    made_of.write_text(wanted, encoding="utf-8")
    return tree

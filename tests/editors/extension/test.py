"""The packages that editors/vscode/package.mjs makes: test.py EXTENSION PACKAGES, the folder of the extension and that
of the packages which `package --all` made."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

TARGETS = "linux-x64 linux-arm64 linux-armhf alpine-x64 alpine-arm64 darwin-x64 darwin-arm64 win32-x64 win32-arm64".split()


def check_trust(manifest: dict) -> None:
    """What is declared of folders that nobody trusts, and of those that are not on a disk."""
    trust, virtual = (manifest["capabilities"][kind] for kind in ("untrustedWorkspaces", "virtualWorkspaces"))
    settings = manifest["contributes"]["configuration"]["properties"]
    # Settings of a machine name programs: a folder must not bring its own.
    programs = [name for name, setting in settings.items() if setting["scope"].startswith("machine")]
    assert trust["supported"] == "limited" and trust["restrictedConfigurations"] == programs == ["authlens.server.path"]
    assert virtual["supported"] is False and trust["description"] and virtual["description"]


def main(extension: Path, packages: Path) -> None:
    made = {path.stem.removeprefix("authlens-") for path in packages.glob("*.vsix")}
    assert made == {*TARGETS, "without-server"}, made
    for target in made:
        package = zipfile.ZipFile(packages / f"authlens-{target}.vsix")
        names, manifest = package.namelist(), package.read("extension.vsixmanifest").decode()
        program = "extension/server/authlens" + (".exe" if target.startswith("win32") else "")
        servers = [name for name in names if name.startswith("extension/server/")]
        assert servers == ([] if target == "without-server" else [program]), (target, servers)
        said = f'TargetPlatform="{target}"' in manifest
        assert said if servers else "TargetPlatform" not in manifest, manifest
        for file in ("out/extension.js", "package.json", "icon.png", "readme.md", "changelog.md", "LICENSE.md"):
            assert f"extension/{file}" in names, (target, file)
        assert not [name for name in names if "node_modules" in name or "/src/" in name or name.endswith(".map")], names
        if servers and not target.startswith("win32"):
            assert package.getinfo(program).external_attr >> 16 & 0o111 == 0o111, target
        check_trust(json.loads(package.read("extension/package.json")))
    # What can't run where it is meant for is refused, and so is what is no program.
    for words, wanted in (
        (["--server", "/bin/true", "--target", "darwin-arm64"], "is made for linux-"),
        (["--server", "package.json"], "is no program for a platform"),
        (["--server", "/bin/true", "--target", "linux-x86"], "there is no platform linux-x86"),
        (["--target", "linux-x64"], "name it with --server"),
    ):
        refused = subprocess.run(["node", "package.mjs", *words], cwd=extension, capture_output=True, text=True)
        assert refused.returncode == 2 and wanted in refused.stderr, refused
    print(f"packages: {len(made)} as they are to be")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

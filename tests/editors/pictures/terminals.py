"""Neovim and Helix with a finding and its repairs, as terminals show them: terminals.py FOLDER.

FOLDER gets `neovim.ansi` with all colours, `neovim.txt` without, and the same of Helix."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(os.environ["TREE"])
sys.path.insert(0, str(TREE / "tests/editors/helix"))
from terminal import Terminal  # noqa: E402

SIZE = (112, 34)
NEOVIM = """
vim.opt.runtimepath:prepend('{tree}/editors/neovim')
vim.o.number, vim.o.signcolumn, vim.o.swapfile, vim.o.laststatus = true, 'yes', false, 2
vim.o.background, vim.o.ruler, vim.o.wrap = 'dark', false, false
vim.diagnostic.config({{ virtual_text = {{ prefix = '●' }}, severity_sort = true }})
vim.lsp.config('authlens', {{ cmd = {{ '{authlens}', 'server' }} }})
vim.lsp.enable('authlens')
vim.api.nvim_create_autocmd('User', {{ pattern = 'Lenses', callback = function() vim.lsp.codelens.refresh({{ bufnr = 0 }}) end }})
"""
HELIX = """
theme = "onedark"

[editor]
true-color = true
end-of-line-diagnostics = "hint"

[editor.statusline]
right = ["diagnostics", "position", "file-type"]
"""


def workspace(folder: Path) -> Path:
    made = folder / "todo"
    subprocess.run([TREE / "tests/editors/workspace/make", made], check=True)
    return made


def settled(terminal: Terminal, condition) -> None:
    """Waits until the condition holds and nothing is drawn any more."""
    seen = []

    def rests(screen: str) -> bool:
        seen.append(screen)
        return condition(screen) and len(seen) > 50 and len(set(seen[-50:])) == 1

    terminal.wait("a screen at rest", rests)


def neovim(folder: Path) -> tuple[str, str]:
    init = folder / "init.lua"
    init.write_text(NEOVIM.format(tree=TREE, authlens=os.environ["AUTHLENS"]))
    command = [os.environ["NVIM"], "--clean", "-u", str(init), "backend/app/api/tasks.py"]
    terminal = Terminal(f"{folder}/tmux", str(workspace(folder)), command, {}, SIZE)
    try:
        terminal.wait("the finding", lambda screen: "is open to everybody" in screen)
        terminal.type(":doautocmd User Lenses\n")
        terminal.wait("lenses", lambda screen: "guarded by get_current_user" in screen)
        terminal.type(":Authlens routes\n")
        terminal.wait("the routes", lambda screen: "13 routes:" in screen)
        terminal.type(":resize 16\n")
        terminal.keys("g", "g")
        terminal.type(":wincmd p\n")
        terminal.keys("]", "d", "z", "t", "4", "C-y")
        terminal.type("gra")
        settled(terminal, lambda screen: "Guard the route with" in screen)
        # Behind the handler stand its lens and its finding, in the order in which they came; one of them is cut off.
        text = re.sub(r"(def delete_task\(.*?\) -> dict:) +\S.*", r"\1 …", terminal.screen())
        return terminal.screen(colours=True), text
    finally:
        terminal.close()


def helix(folder: Path) -> tuple[str, str]:
    configuration = folder / "configuration/helix"
    configuration.mkdir(parents=True)
    (configuration / "config.toml").write_text(HELIX)
    shutil.copy(TREE / "editors/helix/languages.toml", configuration)
    programs = folder / "bin"
    programs.mkdir()
    (programs / "authlens").symlink_to(os.environ["AUTHLENS"])
    environment = {
        "XDG_CONFIG_HOME": f"{folder}/configuration",
        "XDG_CACHE_HOME": f"{folder}/cache",
        "XDG_STATE_HOME": f"{folder}/state",
        "PATH": f"{programs}:{os.environ['PATH']}",
    }
    command = [os.environ["HX"], "backend/app/api/tasks.py"]
    terminal = Terminal(f"{folder}/tmux", str(workspace(folder)), command, environment, SIZE)
    try:
        terminal.wait("the finding", lambda screen: "is open to everybody" in screen)
        terminal.keys("]", "d")
        terminal.wait("the place", lambda screen: "21:" in screen)
        terminal.keys("Space", "a")
        settled(terminal, lambda screen: "Guard the route with" in screen)
        return terminal.screen(colours=True), terminal.screen()
    finally:
        terminal.close()


def main(out: Path) -> None:
    for editor in (neovim, helix):
        folder = Path(tempfile.mkdtemp(prefix="authlens-picture-")).resolve()
        try:
            colours, text = editor(folder)
            (out / f"{editor.__name__}.ansi").write_text(colours)
            lines = [line.rstrip() for line in text.rstrip().split("\n")]
            (out / f"{editor.__name__}.txt").write_text("\n".join(lines) + "\n")
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The configuration of editors/helix in a real Helix. HX and AUTHLENS are the programs, TREE is this repository."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from terminal import PATIENCE, Terminal

TREE = Path(os.environ["TREE"])
DOT = "●"
CONFIGURATION = """
[editor]
end-of-line-diagnostics = "hint"

[editor.lsp]
display-progress-messages = true
"""


class Editor:
    """Helix in a workspace of its own, with the languages.toml that we ship."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="authlens-helix-")).resolve()
        self.workspace = self.folder / "todo"
        subprocess.run([TREE / "tests/editors/workspace/make", self.workspace], check=True)
        configuration = self.folder / "configuration/helix"
        configuration.mkdir(parents=True)
        (configuration / "config.toml").write_text(CONFIGURATION)
        # What we ship, without the servers that are not installed here: `:lsp-restart` gives up at those.
        languages = (TREE / "editors/helix/languages.toml").read_text()
        alone, lists = re.subn(r"(?m)^language-servers = .*\"authlens\"\]$", 'language-servers = ["authlens"]', languages)
        assert lists == 5, languages
        (configuration / "languages.toml").write_text(alone)
        # The configuration names the program; here it is on the path.
        programs = self.folder / "bin"
        programs.mkdir()
        command = [os.environ["AUTHLENS"], '"$@"']
        if "RECORD" in os.environ:
            command = ["python3", f"{TREE}/tests/editors/protocol/record.py", os.environ["RECORD"], *command]
        started = self.folder / "server.pid"
        (programs / "authlens").write_text(f"#!/bin/sh\necho $$ >> {started}\nexec {' '.join(command)}\n")
        (programs / "authlens").chmod(0o755)
        self.pids = started
        self.terminal = Terminal(
            socket=f"{self.folder}/tmux",
            folder=str(self.workspace),
            command=[os.environ["HX"], "-v", "--log", f"{self.folder}/log", "backend/app/api/tasks.py"],
            environment={
                "XDG_CONFIG_HOME": f"{self.folder}/configuration",
                "XDG_CACHE_HOME": f"{self.folder}/cache",
                "XDG_STATE_HOME": f"{self.folder}/state",
                "PATH": f"{programs}:{os.environ['PATH']}",
            },
        )

    def command(self, text: str) -> None:
        self.terminal.keys(":")
        self.terminal.wait("the prompt", lambda screen: screen.rstrip().split("\n")[-1].startswith(":"))
        self.terminal.type(text)
        self.terminal.wait("the command", lambda screen: text in screen.rstrip().split("\n")[-1])
        self.terminal.keys("Enter")

    def leave_insert_mode(self) -> None:
        # The screen may still show what was before the keys of now.
        self.terminal.wait("insert mode", lambda screen: " INS " in screen)
        # A key right behind Escape would be taken for one with Alt.
        self.terminal.keys("Escape")
        self.terminal.wait("normal mode", lambda screen: " NOR " in screen)

    def open(self, path: str) -> None:
        self.command(f"open {path}")
        self.terminal.wait("the file", lambda screen: re.search(rf"NOR\s+.*{re.escape(path)}", screen))

    def text(self, path: str) -> str:
        # Helix writes another file and moves it there.
        try:
            return (self.workspace / path).read_text()
        except FileNotFoundError:
            return ""

    def close(self) -> None:
        self.terminal.close()
        if "KEEP" not in os.environ:
            shutil.rmtree(self.folder, ignore_errors=True)


def until(what: str, condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"timed out: {what}")
        time.sleep(0.01)


def marked(screen: str) -> list[str]:
    """The lines of the file that have a finding, by their numbers."""
    return re.findall(rf"^\s*{DOT}\s*(\d+) ", screen, re.MULTILINE)


def line_with(screen: str, text: str) -> str:
    return next(line for line in screen.split("\n") if text in line)


def findings_show(editor: Editor, began: float):
    screen = editor.terminal.wait("a mark in the gutter", lambda screen: marked(screen) and screen)
    print(f"helix: from opening a file to its first mark: {(time.monotonic() - began) * 1000:.0f} ms")
    assert marked(screen) == ["21"], screen
    assert "is open to everybody" in line_with(screen, "def delete_task"), screen


def keys_change_findings(editor: Editor, _):
    terminal = editor.terminal
    terminal.keys("/")
    terminal.type("task_id: int")
    terminal.wait("the prompt", lambda screen: screen.rstrip().split("\n")[-1].endswith("task_id: int"))
    terminal.keys("Enter")
    terminal.wait("the place", lambda screen: re.search(r"\b21:29\b|\b21:28\b", screen))
    terminal.keys("a")
    terminal.wait("insert mode", lambda screen: "INS" in screen)
    pressed = time.monotonic()
    terminal.type(", user: CurrentUser")
    terminal.wait("no mark", lambda screen: "user: CurrentUser) -> dict" in screen and not marked(screen))
    print(f"helix: from a key to the updated marks: {(time.monotonic() - pressed) * 1000:.0f} ms")
    editor.leave_insert_mode()
    terminal.keys("u")
    terminal.wait("the mark again", lambda screen: marked(screen) == ["21"])


def picker_lists_the_workspace(editor: Editor, _):
    terminal = editor.terminal
    terminal.keys("Space", "D")
    terminal.wait("findings of other files", lambda screen: "token-logged" in screen and "unused-ignore" in screen)
    terminal.keys("Escape")
    terminal.wait("the file", lambda screen: "token-logged" not in screen)


def routes_are_found_by_their_names(editor: Editor, _):
    terminal = editor.terminal
    terminal.keys("Space", "S")
    # Helix asks once something is typed.
    terminal.wait("the picker", lambda screen: "kind name" in screen)
    terminal.type("POST/api/v1/tasks")
    wanted = lambda screen: "POST /api/v1/tasks" in screen and "GET /health" not in screen
    terminal.wait("the route", wanted)
    terminal.keys("Enter")
    terminal.wait("its handler", lambda screen: re.search(r"\b16:\d+\b", screen))


def hover_shows_the_proof(editor: Editor, _):
    terminal = editor.terminal
    terminal.keys("g", "g", "]", "d")
    terminal.wait("the finding", lambda screen: re.search(r"\b21:\d+\b", screen))
    terminal.keys("Space", "k")
    terminal.wait("the verdict", lambda screen: "tasks.py:20" in screen and "DELETE /api/v1/tasks/{task_id}" in screen)
    # Helix shows no addresses of pages: the hover says how to read on.
    terminal.wait("the rule", lambda screen: "authlens explain spec-auth-drift" in screen)
    terminal.keys("Escape")
    terminal.wait("no popup", lambda screen: "tasks.py:20" not in screen)


def action_repairs_the_file(editor: Editor, _):
    terminal = editor.terminal
    terminal.keys("Space", "a")
    terminal.wait("the menu", lambda screen: "Guard the route with `get_current_user`" in screen)
    # The preferred repair comes first, and the first entry is chosen.
    terminal.keys("Enter")
    repaired = "@router.delete(\"/{task_id}\", dependencies=[Depends(get_current_user)])"
    terminal.wait("the edit", lambda screen: repaired in screen)
    terminal.wait("no mark", lambda screen: not marked(screen))
    editor.command("write")
    until("the file", lambda: repaired in editor.text("backend/app/api/tasks.py"))
    assert "RequireRole, get_current_user\n" in editor.text("backend/app/api/tasks.py")


def wide_characters_do_not_move_repairs(editor: Editor, _):
    terminal = editor.terminal
    editor.open("backend/app/audit.py")
    terminal.wait("marks", lambda screen: marked(screen) == ["11", "12"])
    terminal.keys("g", "g", "]", "d", "]", "d")
    terminal.wait("the finding", lambda screen: re.search(r"\b12:\d+\b", screen))
    terminal.keys("Space", "a")
    terminal.wait("the menu", lambda screen: "Leave the value out of the log" in screen)
    terminal.keys("Enter")
    terminal.wait("the edit", lambda screen: '"[redacted]"' in screen)
    editor.command("write")
    repaired = 'mark = "😀"; log.info("%s asked with %s", mark, "[redacted]")'
    until("the file", lambda: repaired in editor.text("backend/app/audit.py"))


def restart_brings_findings_back(editor: Editor, _):
    terminal = editor.terminal
    starts = len(editor.pids.read_text().split())
    editor.command("lsp-restart")
    until("another server", lambda: len(editor.pids.read_text().split()) == starts + 1)
    terminal.wait("the mark", lambda screen: marked(screen) == ["11"])


def quitting_in_the_middle_of_work(editor: Editor, _):
    # `shutdown` and `exit` come back to back, with an edit before them.
    server = int(editor.pids.read_text().split()[-1])
    editor.terminal.keys("o", "x")
    editor.leave_insert_mode()
    editor.command("quit-all!")
    until("the editor is gone", lambda: not editor.terminal.is_running())
    until("the server is gone", lambda: not Path(f"/proc/{server}").exists())


def main() -> int:
    tests = [
        findings_show,
        keys_change_findings,
        picker_lists_the_workspace,
        routes_are_found_by_their_names,
        hover_shows_the_proof,
        action_repairs_the_file,
        wide_characters_do_not_move_repairs,
        restart_brings_findings_back,
        quitting_in_the_middle_of_work,
    ]
    began = time.monotonic()
    editor = Editor()
    passed = 0
    try:
        for test in tests:
            started = time.monotonic()
            try:
                test(editor, began)
            except Exception as problem:
                # What comes after would fail for the same reason.
                print(f"helix: FAIL: {test.__name__}: {problem}")
                log = (editor.folder / "log").read_text().split("\n")
                print("\n".join(line[:300] for line in log[-12:]))
                break
            passed += 1
            print(f"helix: ok: {test.__name__} ({(time.monotonic() - started) * 1000:.0f} ms)")
    finally:
        editor.close()
    failed = len(tests) - passed
    print(f"helix: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

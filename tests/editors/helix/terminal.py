"""A terminal program in tmux: keys go in, the screen comes out. Conditions are waited for by looking."""

import os
import subprocess
import time

PATIENCE = 30


class Terminal:
    """One program in one window of a tmux server of its own."""

    def __init__(self, socket: str, folder: str, command: list[str], environment: dict[str, str], size=(120, 34)):
        self.socket = socket
        clean = {key: value for key, value in os.environ.items() if not key.startswith("TMUX")}
        clean.update(TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8", **environment)
        width, height = map(str, size)
        start = ["new-session", "-d", "-s", "one", "-x", width, "-y", height, "-c", folder, *command]
        subprocess.run(["tmux", "-S", socket, "-f", "/dev/null", *start], env=clean, check=True)
        # Colours as the program means them, for pictures.
        self.tmux("set-option", "-as", "terminal-features", ",*:RGB")

    def tmux(self, *words: str) -> str:
        return subprocess.run(["tmux", "-S", self.socket, *words], check=True, capture_output=True, text=True).stdout

    def screen(self, colours: bool = False) -> str:
        return self.tmux("capture-pane", "-p", "-t", "one", *(["-e"] if colours else []))

    def keys(self, *names: str) -> None:
        """Presses keys by their names in tmux."""
        for name in names:
            self.tmux("send-keys", "-t", "one", name)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "one", "-l", text)

    def wait(self, what: str, condition):
        """Looks until the condition holds of the screen, and returns what it gave."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            result = condition(screen)
            if result:
                return result
            if time.monotonic() > end:
                raise AssertionError(f"timed out: {what}\n{screen}")
            time.sleep(0.01)

    def is_running(self) -> bool:
        asked = ["tmux", "-S", self.socket, "has-session", "-t", "one"]
        return subprocess.run(asked, capture_output=True).returncode == 0

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)

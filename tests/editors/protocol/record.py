"""record.py FILE COMMAND...: runs a language server and writes each message, both ways, as a line of JSON."""

import json
import os
import subprocess
import sys
import threading

file, *command = sys.argv[1:]
# A server that an editor starts again gets a recording of its own.
records = open(f"{file}.{os.getpid()}.jsonl", "w", buffering=1, encoding="utf-8")
lock = threading.Lock()
server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def forward(source, target, sender: str) -> None:
    """Hands messages on until one side is gone."""
    try:
        while True:
            head, length = b"", 0
            while not head.endswith(b"\r\n\r\n"):
                line = source.readline()
                if not line:
                    return
                head += line
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = source.read(length)
            record = {"from": sender, "message": json.loads(body)}
            with lock:
                records.write(json.dumps(record) + "\n")
            target.write(head + body)
            target.flush()
    except (BrokenPipeError, ValueError):
        pass
    finally:
        try:
            target.close()
        except OSError:
            pass


threading.Thread(target=forward, args=(sys.stdin.buffer, server.stdin, "client"), daemon=True).start()
forward(server.stdout, sys.stdout.buffer, "server")
status = server.wait()
with lock:
    records.close()
# Without Python's own way out: it takes the lock of the standard input, which the thread above may hold in a read.
os._exit(status if status >= 0 else 128 - status)

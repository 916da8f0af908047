"""Checks recorded messages: against the types of the protocol, its rules of order, and what the client said it takes.

    python messages.py FILE...     # recordings of record.py
"""

import json
import sys
from typing import Union

from lsprotocol import converters
from lsprotocol import types as lsp

CONVERTER = converters.get_converter()


def command_or_action(sent: dict, _) -> lsp.Command | lsp.CodeAction:
    """lsprotocol takes every action with a command for a command; a command's own `command` is its name."""
    return CONVERTER.structure(sent, lsp.Command if isinstance(sent.get("command"), str) else lsp.CodeAction)


CONVERTER.register_structure_hook(Union[lsp.Command, lsp.CodeAction], command_or_action)
# What a server may send before it has answered `initialize`.
EARLY = {"window/showMessage", "window/logMessage", "telemetry/event", "window/showMessageRequest"}
# Requests of the server, and what a client says that takes them.
ASKED_FOR = {
    "workspace/codeLens/refresh": "workspace/codeLens/refreshSupport",
    "workspace/inlayHint/refresh": "workspace/inlayHint/refreshSupport",
    "workspace/configuration": "workspace/configuration",
    "window/workDoneProgress/create": "window/workDoneProgress",
    "authlens/routesChanged": "experimental/authlens/routesChanged",
}


def said(capabilities: dict, path: str):
    value = capabilities
    for key in path.split("/"):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def lost(sent, understood, path: str = "") -> list[str]:
    """What was sent and has no place in the types: fields that do not exist, and nulls where a field should be absent."""
    if isinstance(sent, dict) and isinstance(understood, dict):
        problems = []
        for key, value in sent.items():
            if key in understood:
                problems += lost(value, understood[key], f"{path}.{key}")
            else:
                problems.append(f"{path}.{key} has no place" + (" as null" if value is None else ""))
        return problems
    if isinstance(sent, list) and isinstance(understood, list) and len(sent) == len(understood):
        return [p for at, pair in enumerate(zip(sent, understood)) for p in lost(*pair, f"{path}[{at}]")]
    return [] if sent == understood else [f"{path} is {sent!r}, understood as {understood!r}"]


class Session:
    """One conversation, message by message."""

    def __init__(self):
        self.problems: list[str] = []
        self.capabilities: dict = {}
        self.pending: dict[tuple[str, object], str] = {}
        self.answered_initialize = False
        self.shut_down = False
        self.encoding = None
        # Methods of requests that were answered, and of notifications of the server.
        self.seen: set[str] = set()

    def take(self, sender: str, message: dict) -> None:
        complain = []
        if message.get("jsonrpc") != "2.0":
            complain.append("jsonrpc is not 2.0")
        method = message.get("method")
        if method is not None:
            complain += self.request_or_notification(sender, message, method)
        else:
            complain += self.response(sender, message)
        if sender == "server":
            self.problems += [f"{method or 'response'}: {problem}" for problem in complain]

    def request_or_notification(self, sender: str, message: dict, method: str) -> list[str]:
        problems = []
        if sender == "client" and method == "initialize":
            self.capabilities = message["params"]["capabilities"]
        if sender == "client" and method == "shutdown":
            self.shut_down = True
        if "id" in message:
            if (sender, message["id"]) in self.pending:
                problems.append(f"the id {message['id']} is in use")
            self.pending[sender, message["id"]] = method
        if sender == "client":
            return problems
        self.seen.add(method)
        if not self.answered_initialize and method not in EARLY:
            problems.append("sent before the answer to `initialize`")
        if not method.startswith("authlens/"):
            problems += self.fits(message, method, 0)
        return problems or self.unsaid(method, message.get("params") or {})

    def response(self, sender: str, message: dict) -> list[str]:
        other = "client" if sender == "server" else "server"
        method = self.pending.pop((other, message.get("id")), None)
        if method is None:
            return [f"answers no request: {message.get('id')}"]
        if sender == "client":
            return []
        problems = []
        if ("result" in message) == ("error" in message):
            return [f"{method}: there must be a result or an error"]
        if "error" in message:
            understood = CONVERTER.unstructure(CONVERTER.structure(message, lsp.ResponseErrorMessage))
            return problems + lost(message, understood)
        self.seen.add(method)
        if method == "initialize":
            self.answered_initialize = True
        if not method.startswith("authlens/"):
            problems += self.fits(message, method, 1)
        if not problems:
            problems = self.unsaid_in_answer(method, message["result"])
        return [f"{method}: {problem}" for problem in problems]

    def fits(self, message: dict, method: str, which: int) -> list[str]:
        """Whether a message is one of the protocol: `which` is 0 for a request or notification, 1 for an answer."""
        types = lsp.METHOD_TO_TYPES.get(method)
        if types is None:
            return ["the protocol has no such method"]
        if which == 0 and ("id" in message) != (types[1] is not None):
            return ["a request and a notification are mixed up"]
        try:
            structured = CONVERTER.structure(message, types[which])
        except Exception as problem:
            causes = "; ".join(map(repr, getattr(problem, "exceptions", [])))
            return [f"does not fit: {problem!r} {causes}"[:600]]
        return lost(message, CONVERTER.unstructure(structured))

    def unsaid(self, method: str, params: dict) -> list[str]:
        """What goes beyond the client's capabilities."""
        wanted = ASKED_FOR.get(method)
        if wanted is not None and not said(self.capabilities, wanted):
            return [f"the client did not say `{wanted}`"]
        if method == "workspace/diagnostic/refresh":
            names = ("workspace/diagnostics/refreshSupport", "workspace/diagnostic/refreshSupport")
            if not any(said(self.capabilities, name) for name in names):
                return ["the client did not say that it refreshes diagnostics"]
        if method == "client/registerCapability":
            kinds = [registration["method"].split("/") for registration in params["registrations"]]
            unsaid = [k for k in kinds if not said(self.capabilities, f"{k[0]}/{k[1]}/dynamicRegistration")]
            return [f"the client does not take the registration of {'/'.join(kind)}" for kind in unsaid]
        if method == "textDocument/publishDiagnostics":
            pushed = said(self.capabilities, "textDocument/publishDiagnostics") or {}
            problems = self.unsaid_in_diagnostics(params["diagnostics"])
            if "version" in params and not pushed.get("versionSupport"):
                problems.append("the client takes no versions")
            return problems
        return []

    def unsaid_in_diagnostics(self, diagnostics: list[dict]) -> list[str]:
        kinds = ("textDocument/publishDiagnostics", "textDocument/diagnostic")
        takes = lambda name: any((said(self.capabilities, kind) or {}).get(name) for kind in kinds)
        needs = {
            "relatedInformation": "relatedInformation",
            "codeDescription": "codeDescriptionSupport",
            "tags": "tagSupport",
            "data": "dataSupport",
        }
        found = {key for diagnostic in diagnostics for key in needs if key in diagnostic}
        return [f"the client takes no {key}" for key in sorted(found) if not takes(needs[key])]

    def unsaid_in_answer(self, method: str, result) -> list[str]:
        capabilities = self.capabilities
        if method == "initialize":
            self.encoding = result["capabilities"].get("positionEncoding", "utf-16")
            offered = said(capabilities, "general/positionEncodings") or ["utf-16"]
            return [] if self.encoding in offered else [f"{self.encoding} was not offered"]
        if method == "textDocument/diagnostic":
            return self.unsaid_in_diagnostics(result.get("items", []))
        if method == "textDocument/hover" and result:
            formats = said(capabilities, "textDocument/hover/contentFormat") or ["markdown"]
            contents = result["contents"]
            if not isinstance(contents, dict) or "kind" not in contents:
                return ["does not fit: `contents` is no markup"]
            return [] if contents["kind"] in formats else [f"the client takes no {contents['kind']}"]
        if method != "textDocument/codeAction":
            return []
        problems = []
        takes = said(capabilities, "textDocument/codeAction") or {}
        for action in result or []:
            if "isPreferred" in action and not takes.get("isPreferredSupport"):
                problems.append("the client does not know preferred actions")
            if "disabled" in action and not takes.get("disabledSupport"):
                problems.append("the client does not know disabled actions")
            if "documentChanges" in action.get("edit", {}) and not said(
                capabilities, "workspace/workspaceEdit/documentChanges"
            ):
                problems.append("the client takes no documentChanges")
            problems += self.unsaid_in_diagnostics(action.get("diagnostics", []))
        return problems

    def end(self) -> list[str]:
        """What is wrong with the whole, after the last message."""
        # A client that has gone need not be answered: an editor may leave in the middle of work.
        if not self.shut_down:
            return self.problems
        open_requests = [method for (sender, _), method in self.pending.items() if sender == "client"]
        late = [f"{method} was never answered" for method in open_requests if method == "shutdown"]
        return self.problems + late


def main(files: list[str]) -> int:
    passed = failed = 0
    for file in files:
        session = Session()
        with open(file, encoding="utf-8") as lines:
            records = [json.loads(line) for line in lines]
        for record in records:
            session.take(record["from"], record["message"])
        problems = session.end()
        passed, failed = passed + (not problems), failed + bool(problems)
        print(f"protocol: {file.rsplit('/', 1)[-1]}: {len(records)} messages, {len(session.seen)} methods")
        for problem in problems[:20]:
            print(f"  {problem}")
    print(f"protocol: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

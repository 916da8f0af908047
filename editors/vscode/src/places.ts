/** Locations of the protocol, for people. */

import * as vscode from "vscode";
import type { Location } from "vscode-languageclient/node";

export function rangeOf({ range }: Location): vscode.Range {
  return new vscode.Range(range.start.line, range.start.character, range.end.line, range.end.character);
}

/** The command that goes to a place. */
export function openAt(location: Location): vscode.Command {
  const options: vscode.TextDocumentShowOptions = { selection: rangeOf(location) };
  return { title: "Open", command: "vscode.open", arguments: [vscode.Uri.parse(location.uri), options] };
}

export async function goTo(location: Location | null | undefined): Promise<void> {
  if (location) {
    await vscode.window.showTextDocument(vscode.Uri.parse(location.uri), { selection: rangeOf(location) });
  }
}

/** A path as the workspace sees it, with the line. */
export function relative(location: Location, line = true): string {
  const path = vscode.workspace.asRelativePath(vscode.Uri.parse(location.uri));
  return line ? `${path}:${location.range.start.line + 1}` : path;
}

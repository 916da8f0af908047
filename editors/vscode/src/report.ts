/** Reports as the command line writes them, for other people and machines. */

import { execFile } from "node:child_process";
import * as vscode from "vscode";
import { pickFolder } from "./configuration";
import { findServer } from "./server";

const KINDS = [
  { label: "Findings", description: "for people", words: ["check", "--color", "never"], file: "authlens-findings.txt" },
  { label: "Findings", description: "JSON", words: ["check", "--format", "json"], file: "authlens-findings.json" },
  { label: "Routes", description: "for people", words: ["routes"], file: "authlens-routes.txt" },
  { label: "Routes", description: "JSON", words: ["routes", "--format", "json"], file: "authlens-routes.json" },
  { label: "Calls of the frontend", description: "JSON", words: ["calls", "--format", "json"], file: "authlens-calls.json" },
];

export async function exportReport(extensionPath: string): Promise<void> {
  const folder = await pickFolder("The folder to report on");
  const kind = folder && (await vscode.window.showQuickPick(KINDS, { title: "Export a report of the saved files" }));
  if (folder === undefined || kind === undefined) {
    return;
  }
  const target = await vscode.window.showSaveDialog({ defaultUri: vscode.Uri.joinPath(folder.uri, kind.file) });
  if (target === undefined) {
    return;
  }
  try {
    const text = await output(findServer(extensionPath).command, [...kind.words, folder.uri.fsPath]);
    await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(text));
    await vscode.window.showTextDocument(target);
  } catch (problem) {
    void vscode.window.showErrorMessage(problem instanceof Error ? problem.message : String(problem));
  }
}

/** What a run printed. It ends with 1 when there are findings, with 2 when it could not run. */
function output(command: string, words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, words, { maxBuffer: 256 << 20 }, (error, stdout, stderr) => {
      if (error !== null && error.code !== 1) {
        reject(new Error(stderr.trim() || error.message));
      } else {
        resolve(stdout);
      }
    });
  });
}

/** The item in the status bar: what the server is at, and how many routes are how. */

import * as vscode from "vscode";
import { type Summary, summaryRequest } from "./protocol";
import type { Session } from "./session";

/** Milliseconds between an edit and the counts that follow it. */
const PAUSE = 300;

export function createStatus(session: Session): vscode.Disposable {
  const item = vscode.window.createStatusBarItem("authlens.status", vscode.StatusBarAlignment.Right, 100);
  item.name = "authlens";
  item.command = "authlens.showMenu";
  let percent: number | undefined;
  let summary: Summary | undefined;
  let timer: NodeJS.Timeout | undefined;

  const show = () => {
    item.backgroundColor = undefined;
    const phase = session.phase;
    if (phase.kind === "failed" || phase.kind === "stopped") {
      item.text = "$(error) authlens";
      item.tooltip = phase.kind === "failed" ? phase.reason : "The server has stopped.";
      item.backgroundColor = new vscode.ThemeColor("statusBarItem.errorBackground");
    } else if (phase.kind === "starting") {
      item.text = "$(loading~spin) authlens";
      item.tooltip = "The server starts.";
    } else if (percent !== undefined || summary === undefined) {
      item.text = `$(loading~spin) authlens${percent === undefined ? "" : ` ${percent}%`}`;
      item.tooltip = "The project is being read.";
    } else {
      item.text = summary.open > 0 ? `$(shield) ${summary.open} open` : "$(shield) authlens";
      item.tooltip = countsOf(summary, phase.version);
    }
    item.show();
  };

  const ask = async () => {
    const client = session.client;
    try {
      summary = await client?.sendRequest(summaryRequest, {});
    } catch {
      // A server that dies meanwhile says so by its state.
    }
    show();
  };
  const askSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), PAUSE);
  };

  show();
  return vscode.Disposable.from(
    item,
    session.onPhase((phase) => {
      percent = undefined;
      summary = undefined;
      show();
      if (phase.kind === "running") {
        askSoon();
      }
    }),
    session.onRoutes(askSoon),
    session.onProgress((step) => {
      percent = step.kind === "end" ? undefined : (step.percentage ?? percent ?? 0);
      show();
    }),
    { dispose: () => clearTimeout(timer) },
  );
}

function countsOf(summary: Summary, version: string): vscode.MarkdownString {
  const counts = `${summary.guarded} guarded, ${summary.open} open, ${summary.public} public, ${summary.unknown} unknown`;
  const text = `**${summary.routes} routes** in ${summary.files} files: ${counts}\n\nauthlens ${version}`;
  return new vscode.MarkdownString(text);
}

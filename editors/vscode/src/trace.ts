/** The channel that messages between VS Code and the server are written to, when the setting asks for it. */

import * as vscode from "vscode";

const SETTING = "authlens.trace.server";

/**
 * The client of the protocol traces when the log level of its channel is the lowest one, whatever the setting says. This
 * channel has the level that the setting asks for, and writes so that the messages show at the level that channels have.
 */
export class TraceChannel implements vscode.LogOutputChannel {
  readonly name = "authlens Trace";
  /** Made when something is written: most people never trace. */
  private channel: vscode.LogOutputChannel | undefined;
  private readonly levels = new vscode.EventEmitter<vscode.LogLevel>();
  readonly onDidChangeLogLevel = this.levels.event;
  private readonly subscription = vscode.workspace.onDidChangeConfiguration((change) => {
    if (change.affectsConfiguration(SETTING)) {
      this.levels.fire(this.logLevel);
    }
  });

  get logLevel(): vscode.LogLevel {
    const wanted = vscode.workspace.getConfiguration().get<string>(SETTING, "off");
    return wanted === "off" ? vscode.LogLevel.Off : vscode.LogLevel.Trace;
  }

  private get written(): vscode.LogOutputChannel {
    this.channel ??= vscode.window.createOutputChannel(this.name, { log: true });
    return this.channel;
  }

  trace(message: string): void {
    this.written.info(message);
  }

  debug(message: string): void {
    this.written.info(message);
  }

  info(message: string): void {
    this.written.info(message);
  }

  warn(message: string): void {
    this.written.warn(message);
  }

  error(problem: string | Error): void {
    this.written.error(problem);
  }

  append(text: string): void {
    this.written.append(text);
  }

  appendLine(text: string): void {
    this.written.appendLine(text);
  }

  replace(text: string): void {
    this.written.replace(text);
  }

  clear(): void {
    this.channel?.clear();
  }

  show(): void {
    this.written.show();
  }

  hide(): void {
    this.channel?.hide();
  }

  dispose(): void {
    this.channel?.dispose();
    this.levels.dispose();
    this.subscription.dispose();
  }
}

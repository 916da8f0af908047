/** The running server: one at a time, started anew when it must be. */

import * as vscode from "vscode";
import {
  type ClientCapabilities,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type StaticFeature,
  type WorkDoneProgressBegin,
  type WorkDoneProgressEnd,
  type WorkDoneProgressReport,
} from "vscode-languageclient/node";
import { routesChanged, RULE_PAGES } from "./protocol";
import { findServer } from "./server";
import { TraceChannel } from "./trace";

export const LANGUAGES = ["python", "typescript", "typescriptreact", "javascript", "javascriptreact"];

/** Answers with the page of a rule (`specs/formats/editor-protocol.md`). */
const EXPLAIN_RULE = "authlens.explainRule";

export type Phase =
  | { kind: "starting" }
  | { kind: "running"; version: string }
  | { kind: "stopped" }
  | { kind: "failed"; reason: string };

type Progress = WorkDoneProgressBegin | WorkDoneProgressReport | WorkDoneProgressEnd;

export class Session implements vscode.Disposable {
  readonly log = vscode.window.createOutputChannel("authlens", { log: true });
  private readonly trace = new TraceChannel();
  private running: LanguageClient | undefined;
  /** Starts and stops, one after the other. */
  private queue: Promise<void> = Promise.resolve();
  private readonly phases = new vscode.EventEmitter<Phase>();
  private readonly routes = new vscode.EventEmitter<void>();
  private readonly progress = new vscode.EventEmitter<Progress>();
  private readonly pages = new vscode.EventEmitter<string>();
  readonly onPhase = this.phases.event;
  /** Routes may differ from those that were asked for last. */
  readonly onRoutes = this.routes.event;
  readonly onProgress = this.progress.event;
  /** Somebody wants to read the page of this rule. */
  readonly onPage = this.pages.event;
  phase: Phase = { kind: "stopped" };

  constructor(
    private readonly extension: vscode.ExtensionContext,
    private readonly chooseRule: () => Promise<string | undefined>,
  ) {}

  /** The client, once it can be asked. */
  get client(): LanguageClient | undefined {
    return this.running?.state === State.Running ? this.running : undefined;
  }

  restart(): Promise<void> {
    this.queue = this.queue.then(async () => {
      await this.stopNow();
      await this.startNow();
    });
    return this.queue;
  }

  /** The page of a rule, as Markdown. */
  async pageOf(rule: string): Promise<string> {
    const asked = { command: EXPLAIN_RULE, arguments: [rule] };
    return (await this.client?.sendRequest(ExecuteCommandRequest.type, asked)) ?? "The server of authlens is not running.";
  }

  stop(): Promise<void> {
    this.queue = this.queue.then(() => this.stopNow());
    return this.queue;
  }

  private enter(phase: Phase): void {
    this.phase = phase;
    this.phases.fire(phase);
  }

  private async startNow(): Promise<void> {
    this.enter({ kind: "starting" });
    try {
      const server = findServer(this.extension.extensionPath);
      this.log.info(`starting ${server.command}, named by ${server.origin}`);
      const client = this.create(server.command);
      this.running = client;
      await client.start();
    } catch (problem) {
      const reason = problem instanceof Error ? problem.message : String(problem);
      this.log.error(reason);
      this.enter({ kind: "failed", reason });
    }
  }

  private create(command: string): LanguageClient {
    const client = new LanguageClient(
      "authlens",
      "authlens",
      { command, args: ["server"] },
      {
        documentSelector: LANGUAGES.flatMap((language) => [
          { language, scheme: "file" },
          { language, scheme: "untitled" },
        ]),
        // What comes later, the server asks for.
        initializationOptions: vscode.workspace.getConfiguration("authlens"),
        outputChannel: this.log,
        traceOutputChannel: this.trace,
        revealOutputChannelOn: RevealOutputChannelOn.Never,
        middleware: {
          handleWorkDoneProgress: (token, params, next) => {
            this.progress.fire(params);
            next(token, params);
          },
          // The client registers the server's commands; what this one answers with is to be shown, under its address.
          executeCommand: async (command, given, next) => {
            if (command !== EXPLAIN_RULE) {
              return next(command, given);
            }
            const rule = typeof given[0] === "string" ? given[0] : await this.chooseRule();
            if (rule !== undefined) {
              this.pages.fire(rule);
            }
          },
        },
      },
    );
    client.registerFeature(saysWhatIsShown);
    client.onNotification(routesChanged, () => this.routes.fire());
    client.onDidChangeState(({ newState }) => {
      if (this.running !== client) {
        return;
      }
      if (newState === State.Running) {
        const version = client.initializeResult?.serverInfo?.version ?? "";
        this.log.info(`authlens ${version} is running`);
        this.enter({ kind: "running", version });
      } else {
        this.enter({ kind: newState === State.Starting ? "starting" : "stopped" });
      }
    });
    return client;
  }

  private async stopNow(): Promise<void> {
    const client = this.running;
    this.running = undefined;
    try {
      await client?.dispose(2000);
    } catch (problem) {
      // One that does not start or has died has nothing to say any more.
      this.log.info(`the server did not stop by itself: ${problem}`);
    }
  }

  dispose(): void {
    for (const one of [this.log, this.trace, this.phases, this.routes, this.progress, this.pages]) {
      one.dispose();
    }
  }
}

/** Without this the server keeps to what LSP has. */
const saysWhatIsShown: StaticFeature = {
  fillClientCapabilities(capabilities: ClientCapabilities) {
    const authlens = { routesChanged: true, explainRule: true, rulePages: RULE_PAGES };
    capabilities.experimental = { ...capabilities.experimental, authlens };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

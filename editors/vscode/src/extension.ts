/** Where the extension begins and ends. */

import * as vscode from "vscode";
import { chooseRule, registerCommands } from "./commands";
import { Documents } from "./documents";
import { RouteView } from "./routes";
import { Session } from "./session";
import { createStatus } from "./status";

let session: Session | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const own = new Session(context, chooseRule);
  session = own;
  const routes = new RouteView(own);
  const documents = new Documents(own, routes);
  context.subscriptions.push(
    own,
    routes,
    documents,
    createStatus(own),
    registerCommands(own, routes, documents, context.extensionPath),
    // Other settings are the server's own business: it asks for them.
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("authlens.server.path")) {
        void own.restart();
      }
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void own.restart()),
  );
  await own.restart();
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}

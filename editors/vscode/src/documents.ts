/** Documents that are not on disk: the route table, proofs, and pages of rules. */

import * as vscode from "vscode";
import { guardOf, methodOf, type Route, type RouteTable, RULE_PAGES, SCHEME } from "./protocol";
import { relative } from "./places";
import type { RouteView } from "./routes";
import type { Session } from "./session";

const TABLE = vscode.Uri.from({ scheme: SCHEME, path: "/routes.txt" });

export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private readonly proofs = new Map<string, string>();
  private readonly subscriptions: vscode.Disposable;

  constructor(
    private readonly session: Session,
    private readonly routes: RouteView,
  ) {
    this.subscriptions = vscode.Disposable.from(
      this.changes,
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      // An open table follows edits.
      session.onRoutes(() => this.changes.fire(TABLE)),
      session.onPage((rule) => void preview(vscode.Uri.parse(`${RULE_PAGES}${rule}.md`))),
      vscode.workspace.onDidCloseTextDocument((document) => this.proofs.delete(document.uri.toString())),
    );
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const address = uri.toString(true);
    if (address.startsWith(RULE_PAGES)) {
      return this.session.pageOf(address.slice(RULE_PAGES.length).replace(/\.md$/, ""));
    }
    if (uri.path !== TABLE.path) {
      return this.proofs.get(uri.toString()) ?? "";
    }
    const table = await this.routes.refresh();
    return table === undefined ? "" : textOf(table);
  }

  async showRoutes(): Promise<void> {
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(TABLE), { preview: false });
  }

  async showProof(name: string, markdown: string): Promise<void> {
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name.replace(/[\\/?#]+/g, " ").trim()}.md` });
    this.proofs.set(uri.toString(), markdown);
    this.changes.fire(uri);
    await preview(uri);
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

async function preview(uri: vscode.Uri): Promise<void> {
  await vscode.commands.executeCommand("markdown.showPreview", uri);
}

/** The table as `authlens routes` prints it. */
function textOf(table: RouteTable): string {
  const rowOf = (route: Route) => {
    const place = route.handler ?? route.registration;
    return [methodOf(route), route.path || "/", guardOf(route), place ? relative(place) : ""];
  };
  const groups: [string, string[][]][] = table.applications.map(({ name, routes }) => [name, routes.map(rowOf)]);
  if (table.notIncluded.length > 0) {
    groups.push(["not included by any application", table.notIncluded.map(rowOf)]);
  }
  let text = "";
  for (const [name, rows] of groups) {
    const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
    text += `${name}\n`;
    for (const row of rows) {
      text += `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd() + "\n";
    }
    text += "\n";
  }
  const { routes, guarded, open, unknown } = table.summary;
  return `${text}${routes} routes: ${guarded} guarded, ${open} open, ${table.summary.public} public, ${unknown} unknown\n`;
}

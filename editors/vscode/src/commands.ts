/** The commands of the palette, the menu and the route view. */

import * as vscode from "vscode";
import { ExecuteCommandRequest, type LanguageClient } from "vscode-languageclient/node";
import { createConfiguration } from "./configuration";
import type { Documents } from "./documents";
import { goTo, relative } from "./places";
import { explainRequest, guardOf, methodOf, nameOf, type Route, type RouteTable, type Status } from "./protocol";
import { exportReport } from "./report";
import type { Filter, Node, RouteView } from "./routes";
import type { Session } from "./session";

export function registerCommands(
  session: Session,
  routes: RouteView,
  documents: Documents,
  extensionPath: string,
): vscode.Disposable {
  const commands: Record<string, (...given: never[]) => unknown> = {
    "authlens.restart": () => session.restart(),
    "authlens.showLog": () => session.log.show(),
    "authlens.showMenu": () => showMenu(session),
    "authlens.showRoutes": async () => {
      if (await ready(session)) {
        await documents.showRoutes();
      }
    },
    "authlens.explainRoute": (node?: Node) => explain(session, routes, documents, node),
    "authlens.checkWorkspace": () => checkWorkspace(session),
    "authlens.exportReport": () => exportReport(extensionPath),
    "authlens.createConfiguration": createConfiguration,
    "authlens.routes.filter": () => filter(routes),
    "authlens.routes.clearFilter": () => routes.setFilter(undefined),
    "authlens.routes.refresh": () => routes.refresh(),
    "authlens.routes.goToGuard": (node: Node) => node.kind === "route" && goTo(node.route.guard),
    "authlens.routes.goToRegistration": (node: Node) => node.kind === "route" && goTo(node.route.registration),
    "authlens.routes.goToCallers": (node: Node) => node.kind === "route" && goToCallers(session, node.route),
  };
  const registered = Object.entries(commands).map(([id, run]) =>
    vscode.commands.registerCommand(id, run as (...given: unknown[]) => unknown),
  );
  return vscode.Disposable.from(...registered);
}

/** The client; says so when there is none. */
async function ready(session: Session): Promise<LanguageClient | undefined> {
  if (session.client === undefined) {
    const restart = "Restart Server";
    const chosen = await vscode.window.showWarningMessage("The server of authlens is not running.", restart, "Show Log");
    if (chosen !== undefined) {
      await vscode.commands.executeCommand(chosen === restart ? "authlens.restart" : "authlens.showLog");
    }
  }
  return session.client;
}

async function showMenu(session: Session): Promise<void> {
  const entries: (vscode.QuickPickItem & { run: string })[] = [
    { label: "$(list-tree) Routes", run: "authlens.routes.focus" },
    { label: "$(table) Show Route Table", run: "authlens.showRoutes" },
    { label: "$(question) Explain Route", run: "authlens.explainRoute" },
    { label: "$(book) Explain Rule", run: "authlens.explainRule" },
    { label: "$(checklist) Check Workspace", run: "authlens.checkWorkspace" },
    { label: "$(export) Export Report…", run: "authlens.exportReport" },
    { label: "$(new-file) Create authlens.toml", run: "authlens.createConfiguration" },
    { label: "$(output) Show Log", run: "authlens.showLog" },
    { label: "$(debug-restart) Restart Server", run: "authlens.restart" },
  ];
  const phase = session.phase;
  const title = phase.kind === "running" ? `authlens ${phase.version}` : `authlens: ${phase.kind}`;
  const chosen = await vscode.window.showQuickPick(entries, { title });
  if (chosen !== undefined) {
    await vscode.commands.executeCommand(chosen.run);
  }
}

function allRoutes(table: RouteTable | undefined): Route[] {
  const served = table?.applications.flatMap((application) => application.routes) ?? [];
  return served.filter((route) => route.kind !== "mount");
}

/** The route whose handler the cursor is in: the last one that begins above it. */
function underCursor(routes: Route[]): Route | undefined {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return undefined;
  }
  const uri = editor.document.uri.toString();
  const line = editor.selection.active.line;
  const here = routes.filter(({ handler, registration }) => {
    // A decorator counts as part of its handler.
    const first = Math.min(handler?.range.start.line ?? Infinity, registration?.range.start.line ?? Infinity);
    return handler !== null && vscode.Uri.parse(handler.uri).toString() === uri && first <= line;
  });
  const lineOf = (route: Route) => route.handler?.range.start.line ?? 0;
  return here.reduce<Route | undefined>((last, next) => (last && lineOf(last) >= lineOf(next) ? last : next), undefined);
}

async function explain(session: Session, view: RouteView, documents: Documents, node?: Node): Promise<void> {
  const client = await ready(session);
  if (client === undefined) {
    return;
  }
  const route = node?.kind === "route" ? node.route : await pickRoute(allRoutes(await view.refresh()));
  if (route !== undefined) {
    const method = route.methods[0] ?? methodOf(route);
    const { markdown } = await client.sendRequest(explainRequest, { method, path: route.path });
    await documents.showProof(nameOf(route), markdown);
  }
}

async function pickRoute(routes: Route[]): Promise<Route | undefined> {
  const here = underCursor(routes);
  const sorted = here === undefined ? routes : [here, ...routes.filter((route) => route !== here)];
  const entries = sorted.map((route) => {
    const place = route.handler ?? route.registration;
    return { label: nameOf(route), description: guardOf(route), detail: place ? relative(place) : undefined, route };
  });
  const options = { title: "Explain a route", matchOnDescription: true, matchOnDetail: true };
  return (await vscode.window.showQuickPick(entries, options))?.route;
}

/** The rule of a finding: of the one at the cursor if there is one, else whichever is chosen of those that are shown. */
export async function chooseRule(): Promise<string | undefined> {
  const editor = vscode.window.activeTextEditor;
  const found = vscode.languages.getDiagnostics().flatMap(([uri, all]) => {
    const own = all.filter(({ source }) => source === "authlens");
    return own.map((finding) => ({ uri: uri.toString(), finding, rule: ruleOf(finding) }));
  });
  const isHere = ({ uri, finding }: (typeof found)[number]) =>
    editor !== undefined && uri === editor.document.uri.toString() && finding.range.contains(editor.selection.active);
  const here = found.find(isHere);
  if (here !== undefined) {
    return here.rule;
  }
  const counts = new Map<string, number>();
  for (const { rule } of found) {
    counts.set(rule, (counts.get(rule) ?? 0) + 1);
  }
  if (counts.size === 0) {
    void vscode.window.showInformationMessage("authlens has found nothing: there is no rule to explain.");
    return undefined;
  }
  const entries = [...counts].sort(([a], [b]) => a.localeCompare(b));
  const rows = entries.map(([rule, count]) => ({ label: rule, description: count === 1 ? "1 finding" : `${count} findings` }));
  return (await vscode.window.showQuickPick(rows, { title: "Explain a rule" }))?.label;
}

function ruleOf({ code }: vscode.Diagnostic): string {
  return String(typeof code === "object" ? code.value : code);
}

async function checkWorkspace(session: Session): Promise<void> {
  const client = await ready(session);
  await client?.sendRequest(ExecuteCommandRequest.type, { command: "authlens.reindex" });
  await vscode.commands.executeCommand("workbench.actions.view.problems");
}

async function goToCallers(session: Session, route: Route): Promise<void> {
  const client = session.client;
  const place = route.handler;
  if (client === undefined || place === null || route.callers.length <= 1) {
    await goTo(route.callers[0]);
    return;
  }
  const locations = route.callers.map((location) => client.protocol2CodeConverter.asLocation(location));
  const { uri, range } = client.protocol2CodeConverter.asLocation(place);
  await goTo(place);
  await vscode.commands.executeCommand("editor.action.goToLocations", uri, range.start, locations, "peek");
}

async function filter(view: RouteView): Promise<void> {
  const table = view.table ?? (await view.refresh());
  const statuses: Status[] = ["open", "unknown", "public", "guarded"];
  const count = (status: Status) => table?.summary[status] ?? 0;
  type Entry = vscode.QuickPickItem & { filter: Filter };
  const fixed: Entry[] = statuses.map((status) => ({
    label: status,
    description: `${count(status)} routes`,
    filter: { status },
  }));
  const pick = vscode.window.createQuickPick<Entry>();
  pick.title = "Filter routes";
  pick.placeholder = "A status, or a part of a path, a guard or a file";
  pick.items = fixed;
  pick.onDidChangeValue((text) => {
    const own: Entry = { label: `contains “${text}”`, alwaysShow: true, filter: { text } };
    pick.items = text.trim() === "" ? fixed : [...fixed, own];
  });
  pick.onDidAccept(() => {
    view.setFilter(pick.activeItems[0]?.filter);
    pick.hide();
  });
  pick.onDidHide(() => pick.dispose());
  pick.show();
}

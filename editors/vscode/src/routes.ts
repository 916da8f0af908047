/** The route view: every route by application and router, with its guard. It follows edits. */

import * as vscode from "vscode";
import {
  type Application,
  guardOf,
  nameOf,
  type Route,
  type RouteTable,
  type Status,
  routesRequest,
  type Unresolved,
} from "./protocol";
import type { Session } from "./session";
import { openAt, relative } from "./places";

/** Milliseconds between an edit and the view that follows it. */
const PAUSE = 200;

const ICONS: Record<Status, [icon: string, colour: string]> = {
  guarded: ["lock", "charts.green"],
  open: ["unlock", "charts.red"],
  public: ["globe", "charts.blue"],
  unknown: ["question", "charts.yellow"],
};

export type Node =
  | { kind: "application"; id: string; label: string; place?: string; application?: Application; children: Node[] }
  | { kind: "router"; id: string; label: string; place: string; children: Node[] }
  | { kind: "route"; id: string; route: Route }
  | { kind: "unresolved"; id: string; unresolved: Unresolved };

/** What is shown: routes of a status, or those that say a text. */
export type Filter = { status: Status } | { text: string };

export class RouteView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly changes = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changes.event;
  private readonly view: vscode.TreeView<Node>;
  private readonly subscriptions: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;
  private stale = true;
  private resultId: string | undefined;
  private nodes: Node[] = [];
  private filter: Filter | undefined;
  /** The table that was asked for last. */
  table: RouteTable | undefined;

  constructor(private readonly session: Session) {
    this.view = vscode.window.createTreeView("authlens.routes", { treeDataProvider: this, showCollapseAll: true });
    this.subscriptions = vscode.Disposable.from(
      this.view,
      this.changes,
      session.onRoutes(() => this.refreshSoon()),
      session.onPhase(({ kind }) => {
        void vscode.commands.executeCommand("setContext", "authlens.running", kind === "running");
        this.resultId = undefined;
        if (kind === "running") {
          this.refreshSoon();
        } else {
          this.take(undefined);
        }
      }),
      this.view.onDidChangeVisibility(({ visible }) => {
        if (visible && this.stale) {
          void this.refresh();
        }
      }),
    );
  }

  private refreshSoon(): void {
    this.stale = true;
    clearTimeout(this.timer);
    // Nobody pays for a view that is not seen.
    if (this.view.visible) {
      this.timer = setTimeout(() => void this.refresh(), PAUSE);
    }
  }

  /** Asks for the table, and shows it if it is another one. */
  async refresh(): Promise<RouteTable | undefined> {
    const client = this.session.client;
    if (client === undefined) {
      return undefined;
    }
    this.stale = false;
    const report = await client.sendRequest(routesRequest, { previousResultId: this.resultId });
    if (report.kind === "full" && this.session.client === client) {
      this.resultId = report.resultId;
      this.take(report);
    }
    return this.table;
  }

  setFilter(filter: Filter | undefined): void {
    this.filter = filter;
    void vscode.commands.executeCommand("setContext", "authlens.filtered", filter !== undefined);
    this.take(this.table);
  }

  private take(table: RouteTable | undefined): void {
    this.table = table;
    this.nodes = table === undefined ? [] : nodesOf(table, this.filter);
    const filter = this.filter;
    this.view.message =
      filter === undefined ? undefined : `Only ${"status" in filter ? `${filter.status} routes` : `“${filter.text}”`}`;
    const summary = table?.summary;
    this.view.description = summary && `${summary.guarded} guarded, ${summary.open} open, ${summary.unknown} unknown`;
    const open = summary?.open ?? 0;
    this.view.badge = open > 0 ? { value: open, tooltip: `${open} open routes` } : undefined;
    this.changes.fire();
  }

  getChildren(node?: Node): Node[] {
    if (node === undefined) {
      return this.nodes;
    }
    return "children" in node ? node.children : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    const item = node.kind === "route" ? routeItem(node.route) : groupItem(node);
    item.id = node.id;
    return item;
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.subscriptions.dispose();
  }
}

function groupItem(node: Exclude<Node, { kind: "route" }>): vscode.TreeItem {
  const { Expanded, None } = vscode.TreeItemCollapsibleState;
  if (node.kind === "application") {
    const item = new vscode.TreeItem(node.label, Expanded);
    item.iconPath = new vscode.ThemeIcon("server");
    item.description = [node.place, node.application?.inTests && "test code"].filter(Boolean).join(", ");
    item.contextValue = "application";
    return item;
  }
  if (node.kind === "router") {
    const item = new vscode.TreeItem(node.label, Expanded);
    item.description = node.place;
    item.contextValue = "router";
    return item;
  }
  const { location, reason, routesAtLeast } = node.unresolved;
  const item = new vscode.TreeItem(`not followed: ${reason}`, None);
  item.iconPath = new vscode.ThemeIcon("warning");
  item.description = routesAtLeast > 0 ? `at least ${routesAtLeast} routes` : undefined;
  item.command = location ? openAt(location) : undefined;
  item.contextValue = "unresolved";
  return item;
}

function routeItem(route: Route): vscode.TreeItem {
  const item = new vscode.TreeItem(nameOf(route));
  const [icon, colour] = ICONS[route.status];
  item.iconPath =
    route.kind === "mount" ? new vscode.ThemeIcon("link") : new vscode.ThemeIcon(icon, new vscode.ThemeColor(colour));
  item.description = guardOf(route);
  const place = route.handler ?? route.registration;
  item.command = place ? openAt(place) : undefined;
  item.contextValue = ["route", route.guard && "guard", route.callers.length > 0 && "called"].filter(Boolean).join(" ");
  const calls = route.callers.length;
  const lines = [
    `**${nameOf(route)}**`,
    guardOf(route),
    route.conditional ? "registered under a condition" : "",
    place ? relative(place) : "",
    calls > 0 ? `called ${calls === 1 ? "once" : `${calls} times`} by the frontend` : "",
  ];
  item.tooltip = new vscode.MarkdownString(lines.filter((line) => line !== "").join("\n\n"));
  item.accessibilityInformation = { label: `${nameOf(route)}, ${guardOf(route)}` };
  return item;
}

function nodesOf(table: RouteTable, filter: Filter | undefined): Node[] {
  const nodes: Node[] = [];
  const names = table.applications.map(({ name }) => name);
  const ids = new Map<string, number>();
  for (const application of table.applications) {
    // Backends of several folders have like names, and a factory makes several applications at one place.
    const { name, location } = application;
    const place = location === null ? "" : relative(location, false);
    const made = `${name}|${place}`;
    const number = ids.get(made) ?? 0;
    ids.set(made, number + 1);
    const id = `${made}|${number}`;
    const children = routersOf(id, application.routes, filter);
    if (filter === undefined) {
      children.push(
        ...application.unresolved.map((unresolved, at): Node => {
          return { kind: "unresolved", id: `${id}|unresolved|${at}`, unresolved };
        }),
      );
    }
    if (children.length > 0) {
      const isAlone = names.indexOf(name) === names.lastIndexOf(name);
      nodes.push({ kind: "application", id, label: name, place: isAlone ? undefined : place, application, children });
    }
  }
  const label = "not included by any application";
  const orphans = routersOf(label, table.notIncluded, filter);
  if (orphans.length > 0) {
    nodes.push({ kind: "application", id: label, label, children: orphans });
  }
  return nodes;
}

/** Routes by what they are registered on, in the order of their registration. */
function routersOf(above: string, routes: Route[], filter: Filter | undefined): Node[] {
  const groups = new Map<string, Extract<Node, { kind: "router" }>>();
  for (const route of routes.filter((route) => fits(route, filter))) {
    const file = route.registration?.uri ?? "";
    const id = `${above}|${file}|${route.router}`;
    let group = groups.get(id);
    if (group === undefined) {
      const place = route.registration ? relative(route.registration, false) : "";
      group = { kind: "router", id, label: route.router || "routes", place, children: [] };
      groups.set(id, group);
    }
    // The same route may be registered twice.
    group.children.push({ kind: "route", id: `${id}|${nameOf(route)}|${group.children.length}`, route });
  }
  return [...groups.values()];
}

function fits(route: Route, filter: Filter | undefined): boolean {
  if (filter === undefined) {
    return true;
  }
  if ("status" in filter) {
    return route.kind !== "mount" && route.status === filter.status;
  }
  const said = [nameOf(route), guardOf(route), route.handler?.uri, route.router].join(" ").toLowerCase();
  return filter.text.toLowerCase().split(/\s+/).every((word) => said.includes(word));
}

/** Messages that LSP does not have, as `specs/formats/editor-protocol.md` describes them. */

import { type Location, NotificationType, RequestType } from "vscode-languageclient/node";

/** The scheme of documents that are not on disk. */
export const SCHEME = "authlens";
/** What addresses of rules' pages begin with: the server gives findings such an address. */
export const RULE_PAGES = `${SCHEME}:/rules/`;

export type Status = "guarded" | "open" | "public" | "unknown";

export interface Summary {
  indexing: boolean;
  files: number;
  routes: number;
  guarded: number;
  open: number;
  public: number;
  unknown: number;
}

export interface Route {
  methods: string[];
  path: string;
  kind: "http" | "websocket" | "mount" | "frontend";
  status: Status;
  detail: string;
  conditional: boolean;
  router: string;
  handler: Location | null;
  registration: Location | null;
  guard?: Location;
  callers: Location[];
}

export interface Unresolved {
  location: Location | null;
  reason: string;
  routesAtLeast: number;
}

export interface Application {
  name: string;
  location: Location | null;
  inTests: boolean;
  routes: Route[];
  unresolved: Unresolved[];
}

export interface RouteTable {
  summary: Summary;
  applications: Application[];
  notIncluded: Route[];
}

export type RoutesReport =
  | ({ kind: "full"; resultId: string } & RouteTable)
  | { kind: "unchanged"; resultId: string };

export const routesRequest = new RequestType<{ previousResultId?: string }, RoutesReport, void>("authlens/routes");
export const summaryRequest = new RequestType<object, Summary, void>("authlens/summary");
export const explainRequest = new RequestType<{ method: string; path: string }, { markdown: string }, void>(
  "authlens/explain",
);
export const routesChanged = new NotificationType<object>("authlens/routesChanged");

/** The method of a route as people write it. */
export function methodOf(route: Route): string {
  return route.kind === "http" ? route.methods.join(",") : route.kind.toUpperCase();
}

/** `GET /api/tasks`. */
export function nameOf(route: Route): string {
  return `${methodOf(route)} ${route.path || "/"}`;
}

/** The guard in a few words. */
export function guardOf(route: Route): string {
  return route.kind === "mount" ? "mounted" : `${route.status}: ${route.detail}`;
}

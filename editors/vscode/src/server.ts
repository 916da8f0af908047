/** Where the server's program is. */

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

const PROGRAM = process.platform === "win32" ? "authlens.exe" : "authlens";

export interface Server {
  command: string;
  /** Who named it, for the log. */
  origin: string;
}

/** The program of the setting, else the one that comes with the extension, else the one on the path. */
export function findServer(extensionPath: string): Server {
  const trusted = vscode.workspace.isTrusted;
  const setting = vscode.workspace.getConfiguration("authlens").get<string>("server.path", "").trim();
  if (setting !== "" && trusted) {
    return { command: resolve(setting), origin: "the setting `authlens.server.path`" };
  }
  const bundled = path.join(extensionPath, "server", PROGRAM);
  if (isProgram(bundled)) {
    return { command: bundled, origin: "the extension" };
  }
  const found = trusted ? onPath(PROGRAM) : undefined;
  if (found !== undefined) {
    return { command: found, origin: "PATH" };
  }
  throw new Error(
    trusted
      ? "The program `authlens` comes with no extension for this platform and is not in PATH. Install it, or name it in the setting `authlens.server.path`."
      : "This folder is not trusted, and the extension for this platform comes without a server.",
  );
}

/** What a setting names: an absolute path, one below the home folder, or a name in PATH. */
function resolve(setting: string): string {
  const expanded = setting.startsWith("~/") ? path.join(os.homedir(), setting.slice(2)) : setting;
  const found = path.isAbsolute(expanded) ? expanded : /[\\/]/.test(expanded) ? undefined : onPath(expanded);
  if (found === undefined || !isProgram(found)) {
    throw new Error(`The setting \`authlens.server.path\` names \`${setting}\`, which is no program.`);
  }
  return found;
}

function onPath(name: string): string | undefined {
  const names = process.platform === "win32" && !name.endsWith(".exe") ? [`${name}.exe`] : [name];
  // A folder that depends on where the editor was started would let a project bring its own program.
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

// Packages the extension for one platform, with the server inside.
//
//   node package.mjs [--target linux-x64] [--server path/to/authlens] [--out file.vsix]
//
// Without a server the package has none: it then looks for one in PATH.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { target: { type: "string" }, server: { type: "string" }, out: { type: "string" } },
});
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const run = (...words) => execFileSync(process.execPath, words, { cwd: here, stdio: "inherit" });

fs.rmSync(path.join(here, "server"), { recursive: true, force: true });
if (values.server !== undefined) {
  const name = values.target?.startsWith("win32") ? "authlens.exe" : "authlens";
  fs.mkdirSync(path.join(here, "server"));
  fs.copyFileSync(path.resolve(values.server), path.join(here, "server", name));
  fs.chmodSync(path.join(here, "server", name), 0o755);
}
run("node_modules/typescript/bin/tsc", "--noEmit");
execFileSync("npm", ["run", "--silent", "build"], { cwd: here, stdio: "inherit", shell: process.platform === "win32" });
const out = path.resolve(values.out ?? `authlens-${values.target ?? "without-server"}.vsix`);
const target = values.target === undefined ? [] : ["--target", values.target];
run("node_modules/@vscode/vsce/vsce", "package", "--no-dependencies", ...target, "--out", out);

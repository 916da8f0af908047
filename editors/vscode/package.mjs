// Packages the extension, for a platform with the server inside or for all without one.
//
//   node package.mjs --server path/to/authlens [--target linux-x64] [--out file.vsix]
//   node package.mjs [--out file.vsix]
//   node package.mjs --servers folder [--out folder]
//
// The platform is the one that the program is made for; only what runs on Alpine has to be said. Without a server the
// package fits every platform, and takes the `authlens` that is in PATH. `--servers` makes one package for each folder
// `<target>/` with a program in it, and that without a server.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

/** Platforms of VS Code, with what a program for them begins with. */
const TARGETS = {
  "linux-x64": { format: "elf", machine: 62 },
  "linux-arm64": { format: "elf", machine: 183 },
  "linux-armhf": { format: "elf", machine: 40 },
  "alpine-x64": { format: "elf", machine: 62 },
  "alpine-arm64": { format: "elf", machine: 183 },
  "darwin-x64": { format: "mach-o", machine: 0x0100_0007 },
  "darwin-arm64": { format: "mach-o", machine: 0x0100_000c },
  "win32-x64": { format: "pe", machine: 0x8664 },
  "win32-arm64": { format: "pe", machine: 0xaa64 },
};

function fail(problem) {
  console.error(`package.mjs: ${problem}`);
  process.exit(2);
}

/** For what a program is made: the headers of ELF, Mach-O and PE. */
function madeFor(file) {
  let head = Buffer.alloc(4096);
  let at;
  try {
    at = fs.openSync(file, "r");
    head = head.subarray(0, fs.readSync(at, head, 0, head.length, 0));
  } catch (problem) {
    fail(`can't read ${file}: ${problem.message}`);
  } finally {
    if (at !== undefined) fs.closeSync(at);
  }
  const has = (end) => head.length >= end;
  if (has(20) && head.readUInt32BE(0) === 0x7f454c46) return { format: "elf", machine: head.readUInt16LE(18) };
  if (has(8) && head.readUInt32LE(0) === 0xfeedfacf) return { format: "mach-o", machine: head.readUInt32LE(4) };
  const pe = has(64) && head.readUInt16BE(0) === 0x4d5a ? head.readUInt32LE(60) : undefined;
  if (pe !== undefined && has(pe + 6) && head.readUInt32BE(pe) === 0x50450000) {
    return { format: "pe", machine: head.readUInt16LE(pe + 4) };
  }
  return undefined;
}

function targetOf(server, said) {
  const made = madeFor(server);
  const fits = ([, target]) => target.format === made?.format && target.machine === made?.machine;
  const targets = Object.entries(TARGETS).filter(fits).map(([name]) => name);
  if (targets.length === 0) fail(`${server} is no program for a platform of VS Code`);
  const target = said ?? targets[0];
  if (!(target in TARGETS)) fail(`there is no platform ${target}; known are ${Object.keys(TARGETS).join(", ")}`);
  if (!targets.includes(target)) fail(`${server} is made for ${targets.join(" or ")}, not for ${target}`);
  return target;
}

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    server: { type: "string" },
    servers: { type: "string" },
    out: { type: "string" },
  },
});
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const run = (...words) => execFileSync(process.execPath, words, { cwd: here, stdio: "inherit" });
const programOf = (target) => (target.startsWith("win32") ? "authlens.exe" : "authlens");

/** What is to be packaged: for which platform, with which server, into which file. */
const packages = [];
if (values.servers !== undefined) {
  if (values.server !== undefined || values.target !== undefined) fail("--servers says all that --server and --target say");
  const names = Object.keys(TARGETS).map((target) => [target, path.join(values.servers, target, programOf(target))]);
  for (const [target, server] of names.filter(([, server]) => fs.existsSync(server))) {
    packages.push({ target: targetOf(server, target), server, out: path.join(values.out ?? ".", `authlens-${target}.vsix`) });
  }
  packages.push({ out: path.join(values.out ?? ".", "authlens-without-server.vsix") });
} else if (values.server !== undefined) {
  const target = targetOf(values.server, values.target);
  packages.push({ target, server: values.server, out: values.out ?? `authlens-${target}.vsix` });
} else {
  if (values.target !== undefined) fail("a package for one platform has a server: name it with --server");
  packages.push({ out: values.out ?? "authlens-without-server.vsix" });
}

run("node_modules/typescript/bin/tsc", "--noEmit");
execFileSync("npm", ["run", "--silent", "build"], { cwd: here, stdio: "inherit", shell: process.platform === "win32" });
const folder = path.join(here, "server");
for (const { target, server, out } of packages) {
  fs.rmSync(folder, { recursive: true, force: true });
  if (server !== undefined) {
    fs.mkdirSync(folder);
    fs.copyFileSync(server, path.join(folder, programOf(target)));
    fs.chmodSync(path.join(folder, programOf(target)), 0o755);
  }
  const words = target === undefined ? [] : ["--target", target];
  run("node_modules/@vscode/vsce/vsce", "package", "--no-dependencies", ...words, "--out", path.resolve(out));
}
fs.rmSync(folder, { recursive: true, force: true });

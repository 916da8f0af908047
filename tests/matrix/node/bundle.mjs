// Makes a module of a frontend runnable, with what it imports from its own folder. Packages stay outside: they are
// imported from `node_modules` above the bundle.
import { build } from "esbuild";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export async function load(folder, entry, out) {
  const outfile = join(out, entry.replace(/\.ts$/, ".mjs").replaceAll("/", "-"));
  await build({
    entryPoints: [join(folder, entry)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}

// Several modules in one bundle, so that they share the state of what they import.
export async function loadTogether(folder, entries, out, name) {
  const outfile = join(out, `${name}.mjs`);
  const lines = entries.map((entry) => `export * from ${JSON.stringify("./" + entry)};`);
  await build({
    stdin: { contents: lines.join("\n"), resolveDir: folder, loader: "ts" },
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    packages: "external",
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}

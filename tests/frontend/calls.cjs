// Runs the functions that `lib/tasks.ts` of a frontend exports, and prints what the backend answered to each:
// `calls.cjs FOLDER`. Where the backend and the source of tokens are, the environment says.
const fs = require("node:fs");
const path = require("node:path");
const { pathToFileURL } = require("node:url");

const folder = process.argv[2];
const ts = require(path.join(folder, "node_modules/typescript"));
const out = path.join(folder, "run");
fs.mkdirSync(out, { recursive: true });
for (const name of fs.readdirSync(path.join(folder, "lib"))) {
  const text = fs.readFileSync(path.join(folder, "lib", name), "utf8");
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  const { outputText } = ts.transpileModule(text, { compilerOptions: options });
  const imported = outputText.replace(/(from\s+["'])(?:\.|@\/lib)\/([\w-]+)(["'])/g, "$1./$2.mjs$3");
  fs.writeFileSync(path.join(out, name.replace(/\.ts$/, ".mjs")), imported);
}

const answered = [];
const send = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await send(input, init);
  const url = String(input instanceof Request ? input.url : input);
  if (url.startsWith(process.env.NEXT_PUBLIC_API_URL)) answered.push(response.status);
  return response;
};

const given = { createTask: ["Milk"], deleteTask: [7] };
(async () => {
  const tasks = await import(pathToFileURL(path.join(out, "tasks.mjs")));
  const statuses = {};
  for (const [name, run] of Object.entries(tasks)) {
    answered.length = 0;
    // Refusals are what is asked about: the function may throw what it likes.
    await Promise.resolve().then(() => run(...(given[name] ?? []))).catch(() => {});
    statuses[name] = [...answered];
  }
  console.log(JSON.stringify(statuses));
  process.exit(0);
})();

// The packaged extension in a real VS Code: what a person sees and does. CODE is what `install` made, VSIX the package.
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Code, TRY, until } from "./code.mjs";

const VSIX = process.env.VSIX;
const TASKS = "backend/app/api/tasks.py";
const REPAIRED = '@router.delete("/{task_id}", dependencies=[Depends(get_current_user)])';
/** How many files are read in a workspace whose reading is watched. */
const MANY = 1500;
const squiggles = (n) => document.querySelectorAll(".monaco-editor .squiggly-error").length === n;

/** A folder that nobody trusts yet. */
const RESTRICTED = {
  trusts: false,
  settings: {
    "security.workspace.trust.enabled": true,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.untrustedFiles": "open",
  },
};

let code;
let page;
let passed = 0;

async function test(name, body) {
  const began = Date.now();
  try {
    await body();
  } catch (problem) {
    console.log(`vscode: FAIL: ${name}: ${problem.message}`);
    const shot = path.join(process.env.SHOTS ?? code?.folder ?? ".", "vscode-failure.png");
    await page?.screenshot({ path: shot }).catch(() => {});
    throw problem;
  }
  passed += 1;
  console.log(`vscode: ok: ${name} (${Date.now() - began} ms)`);
}

/** Rows of the route view, with their icons' names. */
function rows() {
  const tree = document.querySelector('.pane-body [role="tree"][aria-label*="Routes"], .tree-explorer-viewlet-tree-view');
  const text = (row) => row.querySelector(".monaco-icon-label")?.textContent.replaceAll("\u00a0", " ") ?? "";
  return [...(tree?.querySelectorAll(".monaco-list-row") ?? [])].map(text);
}

/** Whether the route view has a row with such words. */
const showsRoute = (words) => {
  const found = [...document.querySelectorAll(".tree-explorer-viewlet-tree-view .monaco-list-row")];
  return found.some((row) => words.every((word) => row.textContent.replaceAll("\u00a0", " ").includes(word)));
};

const status = () => page.locator(".statusbar-item[id$='authlens.status']").first();

/** Whether the panel at the bottom has a line with such words. */
const panelSays = (words) => {
  const lines = [...document.querySelectorAll(".part.panel .view-line")];
  return lines.some((line) => line.textContent.replaceAll("\u00a0", " ").includes(words));
};

/** Whether the cursor stands in a line. */
const standsAt = (line) => new RegExp(`Ln ${line}\\b`).test(document.querySelector('[id="status.editor.selection"]')?.textContent ?? "");

/** Whether a page that is shown as Markdown has an element with such a text. */
async function drawn(element, text) {
  const looked = page.frames().map((frame) => frame.locator(element, { hasText: text }).count().catch(() => 0));
  return (await Promise.all(looked)).some((count) => count > 0);
}

/** What a server was started as; nothing of one that has gone meanwhile. */
function programOf(id) {
  try {
    return fs.readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0")[0];
  } catch {
    return "";
  }
}

async function problems() {
  await page.waitForSelector(".markers-panel");
  return page.locator(".markers-panel .monaco-list-row").allTextContents();
}

async function main() {
  await test("a finding and the guard of each route show in the editor, and all findings in the Problems panel", async () => {
    code = await Code.start({ vsix: VSIX });
    page = code.page;
    const opened = Date.now();
    await code.open(TASKS);
    await code.shows("a squiggle", squiggles, 1);
    console.log(`vscode: from opening a file to its first squiggle: ${Date.now() - opened} ms`);
    await code.shows("lenses", () => {
      const lenses = [...document.querySelectorAll(".codelens-decoration")].map((lens) => lens.textContent);
      return lenses.some((lens) => lens.replaceAll("\u00a0", " ").startsWith("guarded by get_current_user"));
    });
    await code.press("Control+Shift+M", ".markers-panel .monaco-list-row");
    await until("rows", async () => (await problems()).some((row) => /authlens\(?(missing-auth-dependency|spec-auth-drift)/.test(row)));
    // Files that nobody opened are listed too, with the number of their findings. Those that come in while the list
    // is folded up are unfolded: it is folded up until all are there.
    await until("files", async () => {
      await page.locator('.part.panel [aria-label="Collapse All"]').first().click();
      const rows = await problems();
      return ["tasks.pybackend/app/api1", "audit.pybackend/app2"].every((file) => rows.includes(file));
    });
  });

  await test("the route view lists every route with its guard", async () => {
    await page.locator('.activitybar .action-item [aria-label^="authlens"]').first().click();
    await code.shows("the route", showsRoute, ["DELETE /api/v1/tasks/{task_id}", "open:"]);
    await code.shows("a guarded route", showsRoute, ["POST /api/v1/tasks", "guarded: get_current_user"]);
    await code.shows("a public route", showsRoute, ["GET /health", "public: health check"]);
  });

  await test("the quick fix repairs the file, and the route view follows before it is saved", async () => {
    await code.open(TASKS);
    await page.keyboard.press("Control+Home");
    // Next problem: the cursor stands in it then.
    await code.press("F8", ".monaco-editor .marker-widget, .monaco-editor .zone-widget");
    await page.keyboard.press("Escape");
    await code.press("Control+.", '.action-widget .monaco-list-row:has-text("Guard the route with")');
    const pressed = Date.now();
    await page.keyboard.press("Enter");
    await code.shows("no squiggle", squiggles, 0);
    console.log(`vscode: from a key to the updated squiggles: ${Date.now() - pressed} ms`);
    await code.shows("the new guard", showsRoute, ["DELETE /api/v1/tasks/{task_id}", "guarded: get_current_user"]);
    console.log(`vscode: from a key to the updated route view: ${Date.now() - pressed} ms`);
    if (code.read(TASKS).includes(REPAIRED)) throw new Error("it was saved already");
    await page.keyboard.press("Control+S");
    await until("the file", () => code.read(TASKS).includes(REPAIRED));
  });

  await test("undoing it shows the route as open again", async () => {
    await page.keyboard.press("Control+Z");
    await code.shows("the route", showsRoute, ["DELETE /api/v1/tasks/{task_id}", "open:"]);
    await code.shows("the squiggle", squiggles, 1);
  });

  await test("a finding leads to the page of its rule", async () => {
    await code.open(TASKS);
    await page.keyboard.press("Control+Home");
    await code.press("F8", ".monaco-editor .marker-widget, .monaco-editor .zone-widget");
    await page.keyboard.press("Escape");
    const row = '.action-widget .monaco-list-row:has-text("Explain `spec-auth-drift`")';
    await code.press("Control+.", row);
    // The first row has the focus, and the page of the rule is the last one.
    await code.until(`${row}.focused`, () => page.keyboard.press("ArrowUp"));
    await page.keyboard.press("Enter");
    await page.waitForSelector('.tab.active:has-text("spec-auth-drift")');
    await code.open(TASKS);
    await code.command("authlens: Explain Rule");
    await page.waitForSelector('.tab.active:has-text("spec-auth-drift")');
    // The code beside the message is a link to it.
    await code.open(TASKS);
    await page.keyboard.press("Control+Home");
    await code.press("F8", ".monaco-editor .zone-widget a.code-link");
    const shown = '.tab.active[data-resource-name="spec-auth-drift.md"]:not(:has-text("Preview"))';
    await code.until(shown, () => page.locator(".zone-widget a.code-link").click(TRY));
    await until("the page, drawn", () => drawn("h1", "spec-auth-drift"));
    await code.open(TASKS);
  });

  await test("an address in the frontend is a link to its handler, and routes are found by their names", async () => {
    await code.pickBehind("Control+P", "frontend/lib/tasks.ts:20:50", "tasks.ts");
    await code.shows("links", () => document.querySelectorAll(".monaco-editor .detected-link").length >= 3);
    await code.command("Open Link");
    await page.waitForSelector('.tab.active:has-text("tasks.py")');
    await code.shows("the handler", standsAt, 27);
    await code.open("backend/app/api/admin.py");
    await code.pickBehind("Control+P", "#POST /api/v1/tasks", "POST /api/v1/tasks");
    await page.waitForSelector('.tab.active:has-text("tasks.py")');
    await code.shows("the handler", standsAt, 16);
  });

  await test("safe repairs are applied on save", async () => {
    await page.keyboard.press("Control+S");
    await until("the file as it was", () => !code.read(TASKS).includes(REPAIRED));
    code.set({ "editor.codeActionsOnSave": { "source.fixAll.authlens": "explicit" } });
    // The setting counts from some moment on: an edit is saved until then.
    await until("the file", async () => {
      await page.keyboard.press("Control+End");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Control+S");
      return until("a save", () => code.read(TASKS).includes(REPAIRED), 3000).catch(() => false);
    });
    await code.shows("no squiggle", squiggles, 0);
    code.set({});
  });

  await test("the route view leads to handler, guard and calls, and filters", async () => {
    const row = page.locator(".tree-explorer-viewlet-tree-view .monaco-list-row", { hasText: "GET /reports/daily" });
    await code.until('.tab.active:has-text("reports.py")', () => row.click(TRY));
    await code.until('.tab.active:has-text("auth.py")', async () => {
      await row.hover(TRY);
      await row.locator('[aria-label="Go to Guard"]').click(TRY);
    });
    const called = page.locator(".tree-explorer-viewlet-tree-view .monaco-list-row", { hasText: "GET /api/v1/tasks/all" });
    await code.until('.tab.active:has-text("tasks.ts")', async () => {
      await called.hover(TRY);
      await called.locator('[aria-label="Go to Calls of the Frontend"]').click(TRY);
    });
    await code.shows("the call", standsAt, 20);
    await code.command("authlens: Filter Routes");
    await page.waitForSelector('.quick-input-list .monaco-list-row:has-text("unknown")');
    await page.keyboard.press("Enter");
    await code.shows("open routes only", () => {
      const text = document.querySelector(".tree-explorer-viewlet-tree-view")?.textContent ?? "";
      return text.includes("open:") && !text.includes("guarded:");
    });
    await code.command("authlens: Clear Filter");
    await code.shows("all routes", showsRoute, ["POST /api/v1/tasks", "guarded: get_current_user"]);
  });

  await test("the server starts anew when it is killed, and finds the same", async () => {
    const [before] = await until("one server", () => code.servers().length === 1 && code.servers());
    process.kill(before, "SIGKILL");
    await until("another server", () => code.servers().some((id) => id !== before));
    await code.open("backend/app/api/admin.py");
    await code.shows("squiggles", squiggles, 2);
    await code.shows("the routes", showsRoute, ["DELETE /admin/users/{user_id}", "open:"]);
  });

  await test("settings count at once", async () => {
    code.set({ "authlens.rules": { "missing-auth-dependency": "off" } });
    await code.shows("no squiggles", squiggles, 0);
    const open = [{ path: "/admin/**", reason: "behind the VPN" }];
    code.set({ "authlens.policy": { public: open } });
    await code.shows("no squiggles", squiggles, 0);
    await code.shows("the reason", showsRoute, ["DELETE /admin/users/{user_id}", "public by the settings of the editor: behind the VPN"]);
    code.set({});
    await code.shows("squiggles", squiggles, 2);
  });

  await test("the workspace is checked anew, and a restart is another server", async () => {
    await code.command("authlens: Check Workspace");
    await page.waitForSelector(".markers-panel .monaco-list-row");
    await code.shows("squiggles", squiggles, 2);
    const [before] = await until("one server", () => code.servers().length === 1 && code.servers());
    await code.command("authlens: Restart Server");
    await until("another server alone", () => code.servers().length === 1 && code.servers()[0] !== before);
    await code.shows("squiggles", squiggles, 2);
    await code.shows("the routes", showsRoute, ["DELETE /admin/users/{user_id}", "open:"]);
  });

  await test("another server starts by the setting", async () => {
    const wrapper = path.join(code.folder, "other-server");
    const record = process.env.RECORD ? `python3 ${process.env.TREE}/tests/editors/protocol/record.py ${process.env.RECORD} ` : "";
    fs.writeFileSync(wrapper, `#!/bin/sh\ntouch ${code.folder}/other-started\nexec ${record}${process.env.AUTHLENS} "$@"\n`);
    fs.chmodSync(wrapper, 0o755);
    code.set({ "authlens.server.path": wrapper });
    await until("the other server", () => fs.existsSync(path.join(code.folder, "other-started")));
    await code.shows("squiggles", squiggles, 2);
  });

  await test("the route table, a proof and the log open", async () => {
    await code.command("authlens: Show Route Table");
    await page.waitForSelector('.tab.active:has-text("routes.txt")');
    await code.shows("the table", () =>
      [...document.querySelectorAll(".view-line")].some((line) => /GET\s+\/api\/v1\/tasks\s+guarded:\s+get_current_user/.test(line.textContent)),
    );
    await code.command("authlens: Explain Route");
    await code.shows("routes to pick", () => document.querySelector(".quick-input-list")?.textContent.includes("/api/v1/profile"));
    await code.pick("PUT /api/v1/profile", "PUT /api/v1/profile");
    await page.waitForSelector('.tab.active:has-text("PUT")');
    await code.command("authlens: Show Log");
    await code.shows("the log", panelSays, "is running");
  });

  await test("a report is exported as the command line writes it", async () => {
    // The program of the extension itself again, which is the one that reports.
    code.set({});
    await until("the extension's own server", () => code.servers().some((id) => programOf(id).startsWith(code.extensions)));
    await code.command("authlens: Export Report");
    await code.pick("Calls", "Calls of the frontend");
    // The dialog asks where to; what it proposes is beside the project's files.
    await code.press("Enter", '.tab.active:has-text("authlens-calls.json")');
    const report = path.join(code.workspace, "authlens-calls.json");
    const words = ["calls", "--format", "json", code.workspace];
    if (fs.readFileSync(report, "utf8") !== execFileSync(process.env.AUTHLENS, words, { encoding: "utf8" })) throw new Error("another report");
    fs.rmSync(report);
  });

  await test("messages are traced when the setting asks for it", async () => {
    code.set({ "authlens.trace.server": "messages" });
    // The setting counts from some moment on, and the channel is there from the first message on.
    await until("a message", async () => {
      for (const file of ["backend/app/api/admin.py", TASKS]) await code.open(file);
      await code.command("Output: Show Output Channels");
      await code.pick("authlens Trace", "authlens Trace");
      return until("it", () => page.evaluate(panelSays, "Received response '"), 3000).catch(() => false);
    });
    code.set({});
  });

  await test("the walkthrough leads to what it speaks of, and authlens.toml counts", async () => {
    await code.command("Welcome: Open Walkthrough");
    await code.pick("Who may call", "Who may call your routes?");
    await page.waitForSelector(".gettingStartedContainer .getting-started-step");
    const step = async (title, button, selector) => {
      await code.until(selector, async () => {
        const shown = page.locator(".gettingStartedContainer .getting-started-step", { hasText: title });
        const wanted = shown.locator(".monaco-button", { hasText: button });
        if (!(await wanted.isVisible())) await shown.click(TRY);
        await wanted.click(TRY);
      });
    };
    await code.command("View: Show Explorer");
    await step("See all routes", "Show the routes", ".tree-explorer-viewlet-tree-view .monaco-list-row");
    await code.command("View: Hide Panel");
    await step("Repair a finding", "Check the workspace", ".markers-panel .monaco-list-row");
    await step("Say what you want", "Create authlens.toml", '.tab.active:has-text("authlens.toml")');
    fs.writeFileSync(path.join(code.workspace, "authlens.toml"), '[rules]\nmissing-auth-dependency = "off"\n');
    await code.open("backend/app/api/admin.py");
    await code.shows("no squiggles", squiggles, 0);
    fs.rmSync(path.join(code.workspace, "authlens.toml"));
    await code.shows("squiggles", squiggles, 2);
  });

  await test("the status bar counts open routes, and leads to the menu", async () => {
    await until("the count", async () => /\d open/.test((await status().textContent()) ?? ""));
    await status().locator("a").click();
    await page.waitForSelector('.quick-input-list .monaco-list-row:has-text("Restart Server")');
    await page.keyboard.press("Escape");
  });

  await test("the browser asked nobody but VS Code", async () => {
    // Files of a preview have a name of their own, which VS Code's service worker answers.
    const asked = [...code.outside].filter((host) => !host.endsWith(".vscode-resource.vscode-cdn.net"));
    if (asked.length > 0) throw new Error(asked.join(" "));
  });
  await code.stop();

  await test("a folder that is not trusted is served by the extension's own server only", async () => {
    code = await Code.start({ vsix: VSIX, own: { "authlens.server.path": "/bin/false" }, ...RESTRICTED });
    page = code.page;
    await page.waitForSelector('.statusbar:has-text("Restricted Mode")');
    await code.open(TASKS);
    await code.shows("a squiggle", squiggles, 1);
    await code.stop();
  });

  await test("the package without a server takes the one in PATH, once the folder is trusted", async () => {
    const programs = fs.mkdtempSync(path.join(os.tmpdir(), "authlens-path-"));
    // The server starts itself anew by its real path.
    fs.copyFileSync(process.env.AUTHLENS, path.join(programs, "authlens"));
    code = await Code.start({ vsix: process.env.WITHOUT_SERVER, programs, ...RESTRICTED });
    page = code.page;
    await code.open(TASKS);
    await until("the reason", async () => /not trusted/.test((await status().getAttribute("aria-label")) ?? ""));
    if (code.servers().length > 0) throw new Error("it was started");
    await code.command("Workspaces: Manage Workspace Trust");
    await code.until('.statusbar:not(:has-text("Restricted Mode"))', () => page.locator(".workspace-trust-editor .monaco-button", { hasText: "Trust" }).first().click(TRY));
    await code.open(TASKS);
    await code.shows("a squiggle", squiggles, 1);
    if (!code.servers().some((id) => programOf(id).startsWith(programs))) throw new Error("another server");
    await code.stop();
    fs.rmSync(programs, { recursive: true });
  });

  await test("one server serves all folders of a workspace, and tells how far it is with reading them", async () => {
    const both = (code) => {
      // Enough that reading takes a while.
      const routes = (name) => `from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n@router.get("/${name}")\ndef ${name}(): ...\n`;
      fs.mkdirSync(path.join(code.folder, "other/many"), { recursive: true });
      for (let at = 0; at < MANY; at += 1) fs.writeFileSync(path.join(code.folder, `other/many/part${at}.py`), routes(`part${at}`));
      fs.cpSync(path.join(code.workspace, "backend"), path.join(code.folder, "other/backend"), { recursive: true });
      const file = path.join(code.folder, "both.code-workspace");
      fs.writeFileSync(file, JSON.stringify({ folders: [{ path: "todo" }, { path: "other" }] }));
      return `workspace=${file}`;
    };
    code = await Code.start({ vsix: VSIX, query: both });
    page = code.page;
    await page.evaluate(() => {
      const item = () => document.querySelector(".statusbar-item[id$='authlens.status']")?.textContent ?? "";
      window.said = [];
      new MutationObserver(() => item() !== window.said.at(-1) && window.said.push(item())).observe(document.body, {
        childList: true, subtree: true, characterData: true,
      });
    });
    await code.open("admin.py");
    await code.shows("squiggles", squiggles, 2);
    await page.locator('.activitybar .action-item [aria-label^="authlens"]').first().click();
    // The same application twice: each is its own folder's, with the routes that are written there.
    await code.shows("both", () => {
      const found = [...document.querySelectorAll(".tree-explorer-viewlet-tree-view .monaco-list-row")];
      return ["todo", "other"].every((folder) =>
        ["app.main:app", "app"].every((label) => found.some((row) => row.textContent === `${label}${folder}/backend/app/main.py`)),
      );
    });
    if (code.servers().length !== 1) throw new Error(`${code.servers().length} servers`);
    await until("the count", async () => /\d open/.test((await status().textContent()) ?? ""));
    const said = await page.evaluate(() => window.said);
    const percents = said.flatMap((text) => /authlens (\d+)%/.exec(text)?.slice(1).map(Number) ?? []);
    // It is told in steps, which only grow.
    const grows = percents.every((percent, at) => at === 0 || percent >= percents[at - 1]);
    if (!grows || !percents.some((percent) => 0 < percent && percent < 100)) throw new Error(`progress: ${said.join(", ")}`);
    await code.stop();
  });
}

let failed = 0;
try {
  await main();
} catch (problem) {
  failed = 1;
  if (process.env.VERBOSE) console.log(problem.stack, await page?.evaluate(rows).catch(() => ""), code?.log);
  await code?.stop();
}
console.log(`vscode: ${passed} passed, ${failed} failed`);
process.exit(failed);

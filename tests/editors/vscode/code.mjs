// A real VS Code for tests: code-server shows its workbench to a browser that a test drives.
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";

const CODE = process.env.CODE;
const { chromium } = createRequire(path.join(CODE, "package.json"))("playwright-core");
const ENTRY = path.join(CODE, "node_modules/code-server/out/node/entry.js");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const PATIENCE = 60_000;
/** Time for one of several tries: the first ones, each of which is given longer than the one before. */
export const TRY = { timeout: 2500 };
const LONGER = 1.5;
const QUICK_INPUT = ".quick-input-widget .quick-input-box input:visible";

// What would open by itself, ask the network or come in between.
const QUIET = {
  "security.workspace.trust.enabled": false,
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "window.commandCenter": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "git.enabled": false,
  "chat.disableAIFeatures": true,
  "npm.autoDetect": "off",
  "typescript.disableAutomaticTypeAcquisition": true,
  "files.autoSave": "off",
  "editor.minimap.enabled": false,
  "editor.occurrencesHighlight": "off",
};

const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function freePort() {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Looks until the condition gives something. */
export async function until(what, condition, patience = PATIENCE) {
  for (const end = Date.now() + patience; ; ) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > end) throw new Error(`timed out: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** VS Code with the packaged extension on a copy of the example workspace. */
export class Code {
  static async start({ vsix, settings = {}, own = {}, size = { width: 1280, height: 800 }, scale = 1, query, trusts = true, programs }) {
    const code = new Code();
    code.folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "authlens-code-")));
    code.workspace = path.join(code.folder, "todo");
    code.data = path.join(code.folder, "data");
    code.extensions = path.join(code.folder, "extensions");
    fs.mkdirSync(path.join(code.data, "User"), { recursive: true });
    fs.mkdirSync(code.extensions);
    execFileSync(path.join(process.env.TREE, "tests/editors/workspace/make"), [code.workspace]);
    fs.writeFileSync(path.join(code.data, "User/settings.json"), JSON.stringify({ ...QUIET, ...settings }));
    code.set(own);
    fs.writeFileSync(path.join(code.folder, "config.yaml"), "");
    const common = ["--user-data-dir", code.data, "--extensions-dir", code.extensions];
    common.push("--config", path.join(code.folder, "config.yaml"));
    // Sockets and temporary files of this run stay in its folder.
    const env = { ...process.env, EXTENSIONS_GALLERY: "{}", TMPDIR: code.folder, XDG_RUNTIME_DIR: code.folder };
    delete env.NODE_OPTIONS;
    // As if started from a terminal: what a login shell would make of PATH does not count then.
    if (programs !== undefined) Object.assign(env, { PATH: `${programs}${path.delimiter}${env.PATH}`, VSCODE_CLI: "1" });
    execFileSync(process.execPath, [ENTRY, ...common, "--install-extension", vsix], { env, stdio: "pipe" });
    const port = await freePort();
    const flags = ["--auth", "none", "--bind-addr", `127.0.0.1:${port}`, "--disable-telemetry", "--disable-update-check"];
    flags.push("--disable-getting-started-override", "--disable-proxy");
    if (trusts) flags.push("--disable-workspace-trust");
    code.server = spawn(process.execPath, [ENTRY, ...common, ...flags], { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    process.on("exit", () => code.kill());
    code.log = "";
    for (const stream of [code.server.stdout, code.server.stderr]) stream.on("data", (data) => (code.log += data));
    const address = `http://127.0.0.1:${port}`;
    await until("the server", () => fetch(`${address}/healthz`).then((answer) => answer.ok, () => false));
    code.browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: CHROMIUM_FLAGS });
    const context = await code.browser.newContext({ viewport: size, deviceScaleFactor: scale });
    code.page = await context.newPage();
    code.page.setDefaultTimeout(PATIENCE);
    code.outside = new Set();
    code.page.on("request", (request) => {
      const { host } = new URL(request.url());
      if (host !== "" && host !== `127.0.0.1:${port}`) code.outside.add(host);
    });
    await code.page.goto(`${address}/?${query?.(code) ?? `folder=${code.workspace}`}`);
    await code.page.waitForSelector(".monaco-workbench .explorer-folders-view");
    return code;
  }

  /** Settings of the folder, from now on. */
  set(settings) {
    const file = path.join(this.workspace, ".vscode/settings.json");
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, JSON.stringify(settings));
  }

  read(file) {
    return fs.readFileSync(path.join(this.workspace, file), "utf8");
  }

  /** Ids of running servers. */
  servers() {
    const isServer = (id) => {
      try {
        const words = fs.readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
        return words[1] === "server" && words[0].endsWith("authlens") && fs.readlinkSync(`/proc/${id}/cwd`).startsWith(this.folder);
      } catch {
        return false;
      }
    };
    return fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name) && isServer(name)).map(Number);
  }

  /** Acts until something shows: what comes while the focus moves, or while a view is drawn anew, is lost. */
  async until(selector, act) {
    let timeout = TRY.timeout;
    const tried = async () => {
      await act();
      return this.page.waitForSelector(selector, { timeout });
    };
    await until(selector, () => tried().catch(() => ((timeout *= LONGER), false)));
  }

  async press(keys, selector) {
    await this.until(selector, () => this.page.keyboard.press(keys));
  }

  /** The row of the quick input that Enter takes, if it has such words. */
  row(words) {
    return `.quick-input-list .monaco-list-row.focused:has-text("${words}")`;
  }

  /** Takes the row of the quick input that is chosen. Keys that come while something else takes the focus are lost. */
  async accept(words) {
    const chosen = this.row(words);
    await until(`taken: ${words}`, async () => {
      await this.page.locator(QUICK_INPUT).press("Enter", TRY).catch(() => {});
      const gone = { state: "hidden", ...TRY };
      return this.page.waitForSelector(chosen, gone).then(() => true, () => false);
    });
  }

  /** Picks a row of the quick input that is open, by what it is filtered with. */
  async pick(text, words) {
    const input = this.page.locator(QUICK_INPUT);
    await this.until(this.row(words), () => input.fill(text, TRY));
    await this.accept(words);
  }

  /** The same of one that keys open. Whatever is open already is closed: it may ask for something else. */
  async pickBehind(keys, text, words) {
    const input = this.page.locator(QUICK_INPUT);
    await this.until(this.row(words), async () => {
      if (await input.isVisible()) await this.page.keyboard.press("Escape");
      await this.page.keyboard.press(keys);
      await input.fill(text, TRY);
    });
    await this.accept(words);
  }

  async open(file) {
    const name = path.basename(file);
    await this.until(`.tab.active:has-text("${name}")`, () => this.pickBehind("Control+P", file, name));
  }

  async command(title) {
    await this.pickBehind("F1", `>${title}`, title);
  }

  /** Waits for a condition on the page. It is a function of the browser's. */
  async shows(what, condition, given = null) {
    await this.page.waitForFunction(condition, given, { timeout: PATIENCE, polling: 20 }).catch(() => {
      throw new Error(`timed out: ${what}`);
    });
  }

  kill() {
    try {
      process.kill(-this.server.pid, "SIGTERM");
    } catch {
      // It has ended.
    }
  }

  async stop() {
    await this.browser?.close();
    this.kill();
    if (process.env.KEEP) console.log(`kept ${this.folder}`);
    else fs.rmSync(this.folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

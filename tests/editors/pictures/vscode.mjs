// VS Code with a finding, its repairs and the route view: vscode.mjs FOLDER.
import fs from "node:fs";
import path from "node:path";
import { Code } from "../vscode/code.mjs";

const code = await Code.start({ vsix: process.env.VSIX, size: { width: 1240, height: 720 }, settings: { "workbench.layoutControl.enabled": false, "editor.stickyScroll.enabled": false } });
const { page } = code;
await code.open("backend/app/api/tasks.py");
await page.waitForSelector(".monaco-editor .squiggly-error");
await page.locator('.activitybar .action-item [aria-label^="authlens"]').first().click();
await page.waitForSelector('.tree-explorer-viewlet-tree-view .monaco-list-row:has-text("DELETE /admin/users/{user_id}")');
// A wider side bar: the verdicts are what it is for.
const sash = await page.locator(".part.sidebar").boundingBox();
await page.mouse.move(sash.x + sash.width, 400);
await page.mouse.down();
await page.mouse.move(sash.x + sash.width + 190, 400, { steps: 5 });
await page.mouse.up();
await code.command("Problems: Focus on Problems View");
await page.waitForSelector(".markers-panel .monaco-list-row");
await code.open("backend/app/api/tasks.py");
await page.keyboard.press("Control+Home");
await code.press("F8", ".monaco-editor .zone-widget");
await page.keyboard.press("Escape");
await page.waitForSelector(".codelens-decoration", { state: "attached" });
await code.press("Control+.", '.action-widget .monaco-list-row:has-text("Guard the route with")');
await page.mouse.move(900, 20);
await page.waitForFunction(() => document.querySelector(".workbench-hover") === null);
await page.screenshot({ path: path.join(process.argv[2], "vscode.png") });
// What the picture says, in the order in which it stands there.
const said = await page.evaluate(() => {
  const top = (element) => element.getBoundingClientRect().top;
  const texts = (selector) =>
    [...document.querySelectorAll(selector)]
      .sort((a, b) => top(a) - top(b))
      .map((element) => element.textContent.replaceAll("\u00a0", " ").trim())
      .filter((text) => text !== "");
  return {
    routes: texts(".tree-explorer-viewlet-tree-view .monaco-list-row"),
    repairs: texts(".action-widget .monaco-list-row"),
  };
});
const parts = Object.entries(said).map(([part, lines]) => [part, ...lines.map((line) => `  ${line}`)].join("\n"));
fs.writeFileSync(path.join(process.argv[2], "vscode.txt"), `${parts.join("\n")}\n`);
await code.stop();
process.exit(0);

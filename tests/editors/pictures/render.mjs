// A captured terminal as a picture: render.mjs CAPTURE PICTURE. Chromium draws it.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const { chromium } = createRequire(path.join(process.env.CODE, "package.json"))("playwright-core");
const [capture, picture] = process.argv.slice(2);
let background = "#14161b";
const FOREGROUND = "#e0e2ea";
const PALETTE = "#1b1d23 #ec5f66 #99c794 #f9ae57 #6699cc #c594c5 #5fb3b3 #d8dee9 #65737e #ff8a80 #b5e8b0 #ffd479 #8cc4ff #e2b8e2 #8ce2e2 #ffffff".split(" ");

/** One of the 256 colours of terminals. */
function indexed(n) {
  if (n < 16) return PALETTE[n];
  if (n >= 232) return `rgb(${[0, 0, 0].map(() => 8 + (n - 232) * 10)})`;
  const level = (v) => (v === 0 ? 0 : 55 + v * 40);
  const [r, g, b] = [Math.floor((n - 16) / 36), Math.floor((n - 16) / 6) % 6, (n - 16) % 6];
  return `rgb(${[level(r), level(g), level(b)]})`;
}

/** Applies one sequence of `ESC [ … m` to the style of the text behind it. */
function styled(style, sequence) {
  // A part with colons is one attribute with its own arguments: `4:3` is a wavy line.
  const codes = sequence.split(";").map((code) => code.split(":").map(Number));
  const next = { ...style };
  const colour = (at) => {
    const own = codes[at].length > 1;
    const rest = own ? codes[at].slice(1) : codes.slice(at + 1).map(([code]) => code);
    const kind = rest[0];
    // With colons there may be a colour space before the three values.
    const value = kind === 5 ? indexed(rest[1]) : `rgb(${own ? rest.slice(-3) : rest.slice(1, 4)})`;
    return [value, own ? at : at + (kind === 5 ? 2 : 4)];
  };
  for (let at = 0; at < codes.length; at += 1) {
    const [code, argument] = codes[at];
    if (code === 0 || Number.isNaN(code)) for (const key of Object.keys(next)) delete next[key];
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.line = argument === 0 ? undefined : argument === 3 ? "wavy" : "solid";
    else if (code === 7) next.reverse = true;
    else if (code === 22) next.bold = next.dim = undefined;
    else if (code === 23) next.italic = undefined;
    else if (code === 24) next.line = undefined;
    else if (code === 27) next.reverse = undefined;
    else if (code >= 30 && code <= 37) next.front = PALETTE[code - 30];
    else if (code >= 90 && code <= 97) next.front = PALETTE[code - 82];
    else if (code >= 40 && code <= 47) next.back = PALETTE[code - 40];
    else if (code >= 100 && code <= 107) next.back = PALETTE[code - 92];
    else if (code === 39) next.front = undefined;
    else if (code === 49) next.back = undefined;
    else if (code === 59) next.lineColour = undefined;
    else if (code === 38) [next.front, at] = colour(at);
    else if (code === 48) [next.back, at] = colour(at);
    else if (code === 58) [next.lineColour, at] = colour(at);
  }
  return next;
}

function css(style) {
  let [front, back] = [style.front ?? FOREGROUND, style.back];
  if (style.reverse) [front, back] = [back ?? background, front];
  return [
    `color:${front}`,
    back && `background:${back};padding:2px 0`,
    style.bold && "font-weight:bold",
    style.italic && "font-style:italic",
    style.dim && "opacity:.65",
    style.line && `text-decoration:underline ${style.line} ${style.lineColour ?? front} 1px;text-underline-offset:2px`,
  ].filter(Boolean).join(";");
}

const escape = (text) => text.replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
let style = {};
let html = "";
for (const part of fs.readFileSync(capture, "utf8").trimEnd().split(/(\x1b\[[0-9;:]*m)/)) {
  const sequence = /^\x1b\[([0-9;:]*)m$/.exec(part);
  if (sequence) style = styled(style, sequence[1]);
  else if (part !== "") {
    // A program that colours everything colours the margin too.
    if (html === "") background = style.back ?? background;
    html += `<span style="${css(style)}">${escape(part)}</span>`;
  }
}
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ deviceScaleFactor: 1.25 });
await page.setContent(`<body style="margin:0;background:${background}"><pre style="display:inline-block;margin:0;padding:12px 16px;background:${background};font:13px/18px 'DejaVu Sans Mono',monospace">${html}</pre></body>`);
await page.locator("pre").screenshot({ path: picture });
await browser.close();

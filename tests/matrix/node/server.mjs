// The server half of a frontend: `server.mjs FOLDER OUT PORT` serves what `lib/auth.ts` configures below `/api/auth`,
// and every `app/**/route.ts` at its path, as Next.js would. Prints `ready` once it listens, and ends
// with its standard input.
//
// `POST /sign` is not part of any frontend: it signs the claims in its body as `lib/auth.ts` signs tokens, for tests
// that need an expired token or one for somebody else.
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join, relative } from "node:path";
import { getMigrations } from "better-auth/db/migration";
import { load } from "./bundle.mjs";

process.stdin.on("end", () => process.exit()).resume();
const [folder, out, port] = process.argv.slice(2);
const { auth } = await load(folder, "lib/auth.ts", out);
if (auth.options.database) {
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
}

const routes = new Map();
const app = join(folder, "app");
for (const file of existsSync(app) ? readdirSync(app, { recursive: true }) : []) {
  if (file.endsWith("route.ts")) {
    routes.set("/" + dirname(file), await load(folder, relative(folder, join(app, file)), out));
  }
}

async function sign(request) {
  const { token } = await auth.api.signJWT({ body: { payload: await request.json() } });
  return Response.json({ token });
}

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname.startsWith("/api/auth/")) return auth.handler(request);
  if (pathname === "/sign") return sign(request);
  const handler = routes.get(pathname)?.[request.method];
  return handler ? handler(request) : new Response(null, { status: 404 });
}

async function body(message) {
  const chunks = [];
  for await (const chunk of message) chunks.push(chunk);
  return chunks.length ? Buffer.concat(chunks) : undefined;
}

createServer(async (message, reply) => {
  try {
    const request = new Request(new URL(message.url, process.env.BETTER_AUTH_URL), {
      method: message.method,
      headers: Object.entries(message.headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one])),
      body: await body(message),
    });
    const response = await answer(request);
    reply.statusCode = response.status;
    for (const [name, value] of response.headers) {
      if (name !== "set-cookie") reply.setHeader(name, value);
    }
    reply.setHeader("set-cookie", response.headers.getSetCookie());
    reply.end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    console.error(error);
    reply.statusCode = 500;
    reply.end();
  }
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));

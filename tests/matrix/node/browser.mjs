// The client half of a frontend: `browser.mjs FOLDER OUT` runs `lib/auth-client.ts` and `lib/api.ts` as a browser would
// on a page of the frontend: somebody signs up, signs in and reads their tasks. Prints one JSON object: the id of that
// user, the answers of the frontend's own server that were errors, and why `listTasks` failed, if it did.
import { loadTogether } from "./bundle.mjs";

const [folder, out] = process.argv.slice(2);
const page = new URL(process.env.NEXT_PUBLIC_APP_URL);
const network = globalThis.fetch;
const failures = [];

// Cookies do not keep to one port, so that those of the frontend reach an API on the same host, when the request says so.
const cookies = new Map();
const stored = new Map();
globalThis.localStorage = {
  getItem: (name) => stored.get(name) ?? null,
  setItem: (name, value) => void stored.set(name, String(value)),
  removeItem: (name) => void stored.delete(name),
};

globalThis.fetch = async (input, init) => {
  const request = new Request(input instanceof Request ? input : new URL(input, page), init);
  const asked = init?.credentials ?? (input instanceof Request ? input.credentials : "same-origin");
  const own = new URL(request.url).origin === page.origin;
  const withCookies = asked === "include" || (asked === "same-origin" && own);
  request.headers.set("origin", page.origin);
  if (withCookies && cookies.size) {
    request.headers.set("cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
  }
  const response = await network(request);
  for (const line of withCookies ? response.headers.getSetCookie() : []) {
    const [pair, ...attributes] = line.split(";");
    const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
    const ended = attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute));
    if (ended) cookies.delete(name);
    else cookies.set(name, value);
  }
  if (own && response.status >= 400) failures.push(`${new URL(request.url).pathname}: ${response.status}`);
  return response;
};

const { authClient, listTasks, signIn } = await loadTogether(
  folder,
  ["lib/auth-client.ts", "lib/api.ts"],
  out,
  "client",
);
const person = { email: "ada@example.com", password: "correct horse battery" };
const { data, error } = await authClient.signUp.email({ ...person, name: "Ada" });
if (error) throw new Error(`sign-up: ${JSON.stringify(error)}`);
if (signIn) await signIn(person.email, person.password);
else await authClient.signIn.email(person);
let failed = null;
try {
  await listTasks();
} catch (caught) {
  failed = String(caught.message);
}
console.log(JSON.stringify({ user: data.user.id, failures, failed }));
process.exit(0);

//! The table of the frontend's requests.

use authlens_analysis::ide::{AnalysisHost, CallView, Change, FileContent};

/// A line for each request: where it stands, its method, where it goes, whether it carries a token, what it reaches.
fn table(files: &[(&str, &str)]) -> Vec<String> {
    let mut host = AnalysisHost::new();
    let disk = files.iter().map(|(path, text)| (format!("/p/{path}"), FileContent::Text((*text).into()))).collect();
    host.apply(Change { roots: Some(vec!["/p".into()]), disk, ..Change::default() });
    let analysis = host.snapshot();
    let line = |call: CallView| {
        let file = analysis.path(call.location.file);
        let token = call.attaches.map_or("?", |attaches| if attaches { "token" } else { "none" });
        let reached = call.route.map(|route| route.name).or(call.unreached).unwrap_or_default();
        let name = file.rsplit('/').next().unwrap_or_default();
        format!("{name} {} {} {token}: {reached}", call.method.as_deref().unwrap_or("?"), call.url)
    };
    analysis.calls().into_iter().map(line).collect()
}

const BACKEND: (&str, &str) = (
    "api/main.py",
    "from fastapi import FastAPI
app = FastAPI()
@app.get('/v1/tasks')
def tasks(): return []
@app.post('/v1/tasks')
def add(): return []
",
);

#[test]
fn routes_of_a_library_are_reached() {
    let backend = "from fastapi import FastAPI
from fastapi_users import FastAPIUsers
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from users import get_user_manager
backend = AuthenticationBackend(
    name='jwt',
    transport=BearerTransport(tokenUrl='auth/jwt/login'),
    get_strategy=lambda: JWTStrategy(secret='x', lifetime_seconds=900),
)
users = FastAPIUsers(get_user_manager, [backend])
app = FastAPI()
app.include_router(users.get_auth_router(backend), prefix='/auth/jwt')
";
    let api = "
export function post(path: string, options: { token?: string | null } = {}) {
  const token = options.token === null ? null : (options.token ?? localStorage.getItem('token'));
  const headers: Record<string, string> = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  return fetch(`${process.env.API}${path}`, { method: 'POST', headers });
}
";
    let page = "import { post } from './api';
export const signIn = async () => await post('/auth/jwt/login', { token: null });
export const signOut = async () => await post('/auth/jwt/logout');
";
    let found = table(&[("api/main.py", backend), ("web/api.ts", api), ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts POST ${API}/auth/jwt/login none: POST /auth/jwt/login",
            "page.ts POST ${API}/auth/jwt/logout token: POST /auth/jwt/logout",
        ]
    );
}

#[test]
fn metrics_of_a_package_are_reached() {
    let backend = "from contextlib import asynccontextmanager
from fastapi import FastAPI
from prometheus_fastapi_instrumentator import Instrumentator
app = FastAPI()
Instrumentator().instrument(app).expose(app)
instrumentator = Instrumentator()
@asynccontextmanager
async def lifespan(app):
    instrumentator.expose(app, endpoint='/internal/numbers')
    yield
other = FastAPI(lifespan=lifespan)
";
    let page = "export const load = () => [fetch(`${process.env.API}/metrics`), fetch(`${process.env.API}/internal/numbers`)];\n";
    let found = table(&[("api/main.py", backend), ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts GET ${API}/metrics none: GET /metrics",
            "page.ts GET ${API}/internal/numbers none: GET /internal/numbers",
        ]
    );
}

#[test]
fn addresses_are_put_together_of_variables() {
    let page = "
export const load = () => [
  fetch(`${process.env.PROTOCOL}://${process.env.HOST}/v1/tasks`),
  fetch(`${process.env.PROTOCOL}://${process.env.HOST}:${process.env.PORT}/v1/tasks`),
  fetch(`${process.env.HOST}:${process.env.PORT}/v1/tasks`),
  fetch(`${process.env.HOST}:8000/v1/tasks`),
  fetch(`${process.env.PROTOCOL}://api.elsewhere.com/v2/tasks`),
  fetch('/backend/tasks', { method: 'POST' }),
];
";
    let config = "export default {
  rewrites: async () => [
    { source: '/backend/:path*', destination: `${process.env.PROTOCOL}://${process.env.HOST}/v1/:path*` },
  ],
};
";
    let found = table(&[BACKEND, ("web/next.config.mjs", config), ("web/lib/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts GET ${PROTOCOL}://${HOST}/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${PROTOCOL}://${HOST}:${PORT}/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${HOST}:${PORT}/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${HOST}:8000/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${PROTOCOL}://api.elsewhere.com/v2/tasks none: it goes to api.elsewhere.com",
            "page.ts POST /backend/tasks none: POST /v1/tasks",
        ]
    );
}

#[test]
fn connections_of_sockets_reach_routes_of_sockets() {
    let backend = "from fastapi import FastAPI, WebSocket
app = FastAPI()
@app.get('/rooms/{room}')
def room(room: str): return room
@app.websocket('/rooms/{room}')
async def listen(websocket: WebSocket, room: str): ...
";
    let page = "
import Reconnecting from 'reconnecting-websocket';
const API = process.env.API;
export const load = (id: string, token: string) => [
  fetch(`${API}/rooms/${id}`),
  new WebSocket(`${API.replace(/^http/, 'ws')}/rooms/${id}?token=${token}`),
  new WebSocket(`${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/rooms/${id}`),
  new Reconnecting(`${API}/rooms/${id}`),
  new WebSocket(`${API}/halls/${id}`),
];
";
    let found = table(&[("api/main.py", backend), ("web/lib/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts GET ${API}/rooms/{} none: GET /rooms/{room}",
            "page.ts WEBSOCKET ${API}/rooms/{}?token={} ?: WEBSOCKET /rooms/{room}",
            "page.ts WEBSOCKET wss://{}/rooms/{} ?: WEBSOCKET /rooms/{room}",
            "page.ts WEBSOCKET ${API}/rooms/{} ?: WEBSOCKET /rooms/{room}",
            "page.ts WEBSOCKET ${API}/halls/{} ?: no route has its path",
        ]
    );
}

#[test]
fn the_most_specific_route_handler_answers() {
    let page = "
const base = () => process.env.APP_URL;
export const load = (id: string) => [
  fetch('/api/tasks/search?q=1'), fetch(`/api/tasks/${id}`), fetch('/api/tasks/7', { method: 'PUT' }),
  fetch('/api/other/7/8'), fetch('/api/other'), fetch(`${base()}/api/tasks/search`),
];
";
    let get = "export async function GET() { return new Response(); }\n";
    let found = table(&[
        BACKEND,
        ("web/app/api/tasks/[id]/route.ts", get),
        ("web/app/api/tasks/search/route.ts", get),
        ("web/app/api/[...rest]/route.ts", get),
        ("web/app/api/other/[[...rest]]/route.ts", get),
        ("web/lib/page.ts", page),
    ]);
    assert_eq!(
        found,
        [
            "page.ts GET /api/tasks/search?q=1 none: the route handler of `/api/tasks/search` answers it",
            "page.ts GET /api/tasks/{} none: the route handler of `/api/tasks/{}` answers it",
            "page.ts PUT /api/tasks/7 none: the route handler of `/api/tasks/{}` has no `PUT`: Next.js answers with 405",
            "page.ts GET /api/other/7/8 none: the route handler of `/api/other/{}` answers it",
            "page.ts GET /api/other none: the route handler of `/api/other/{}` answers it",
            "page.ts GET ${APP_URL}/api/tasks/search none: the route handler of `/api/tasks/search` answers it",
        ]
    );
}

/// Behind a base that nothing takes the beginning of a path away from, a shorter route is another one.
#[test]
fn what_ends_like_a_shorter_route_is_another_path() {
    let backend = "from fastapi import FastAPI
app = FastAPI()
@app.get('/health')
def health(): return {}
@app.get('/v1/tasks')
def tasks(): return []
";
    let page = "
const API = process.env.API_URL, GATE = process.env.GATE_URL;
export const load = () => [
  fetch(`${API}/v1/tasks`), fetch(`${API}/v1/tasks?page=2`), fetch(`${API}/tasks`), fetch(`${API}/search/health`),
  fetch(`${GATE}/core/v1/tasks`), fetch(`${GATE}/core/health`),
];
";
    let found = table(&[("api/main.py", backend), ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts GET ${API_URL}/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${API_URL}/v1/tasks?page=2 none: GET /v1/tasks",
            "page.ts GET ${API_URL}/tasks none: GET /v1/tasks",
            "page.ts GET ${API_URL}/search/health none: no route has its path",
            "page.ts GET ${GATE_URL}/core/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${GATE_URL}/core/health none: GET /health",
        ]
    );
}

#[test]
fn callers_of_a_wrapper_stand_for_it() {
    let api = "
export const send = (path: string) => fetch(`${process.env.API}/v1${path}`);
export const one = (id: string) => fetch(`${process.env.API}/v1/notes/${id}`);
";
    let page = "import { one, send } from './api';
export const load = async (id: string) => [await send('/tasks'), await one(id)];
";
    let found = table(&[BACKEND, ("web/api.ts", api), ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            "api.ts GET ${API}/v1/notes/{} none: no route has its path",
            "page.ts GET ${API}/v1/tasks none: GET /v1/tasks",
            "page.ts GET ${API}/v1/notes/{} none: no route has its path",
        ]
    );
}

#[test]
fn mutations_are_called_and_not_made() {
    let hook = "import { useMutation, useQuery } from '@tanstack/react-query';
const add = (title: string) => fetch('http://localhost:8000/v1/tasks', { method: 'POST', body: title });
export const useTasks = () => {
  const tasks = useQuery({ queryFn: () => fetch('http://localhost:8000/v1/tasks') });
  return { tasks, add: useMutation({ mutationFn: add }) };
};
";
    let list = "import { useTasks } from './hook';
export function List() { const { tasks } = useTasks(); return tasks.then(() => null); }
";
    let form = "import { useTasks } from './hook';
export function Form() { const { add } = useTasks(); return async () => await add.mutateAsync('new'); }
";
    let found = table(&[BACKEND, ("web/hook.ts", hook), ("web/list.ts", list), ("web/form.ts", form)]);
    let of =
        |file: &str, method: &str| found.iter().filter(|line| line.starts_with(&format!("{file} {method} "))).count();
    assert_eq!((of("hook.ts", "POST"), of("list.ts", "POST"), of("form.ts", "POST")), (1, 0, 1), "{found:#?}");
    assert_eq!((of("list.ts", "GET"), of("form.ts", "GET")), (1, 1), "{found:#?}");
}

#[test]
fn what_an_import_hides_is_said() {
    let page = "import { api } from '@/lib/api';
import { title } from '@/lib/title';
export const load = () => [api.get('/v1/tasks'), api.push('/v1/tasks', 1), title('/v1/tasks')];
";
    let found = table(&[BACKEND, ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            // Only one route ends so, whatever the import puts before it.
            "page.ts GET /v1/tasks ?: GET /v1/tasks",
            "page.ts ? /v1/tasks ?: the import that sends it leads nowhere",
        ]
    );
}

#[test]
fn a_fetch_beside_a_url_asks_for_that() {
    let chat = "import { useChat } from 'some-chat';
export function Chat({ token }: { token: string }) {
  const headers = { Authorization: `Bearer ${token}` };
  useChat({ api: { url: `${process.env.API}/v1/tasks`, fetch: (url, init) => fetch(url, { ...init, headers }) } });
}
";
    let found = table(&[BACKEND, ("web/chat.ts", chat)]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("chat.ts ? ${API}/v1/tasks token:"), "{found:#?}");
}

#[test]
fn a_wrapper_keeps_its_own_requests_to_itself() {
    let backend = "from fastapi import FastAPI
app = FastAPI()
@app.get('/v1/tasks')
def tasks(): return []
@app.get('/v1/me')
def me(): return {}
@app.post('/v1/token')
def token(): return {}
@app.post('/v1/refresh')
def refresh(): return {}
";
    let api = "const base = process.env.API;
let renewing: Promise<boolean> | null = null;
async function renew() {
  if (!renewing) renewing = fetch(`${base}/v1/refresh`, { method: 'POST' }).then((answer) => answer.ok);
  return renewing;
}
function isOver(path: string, status: number) { return status === 401 && path !== '/v1/refresh'; }
export async function send(path: string, options: RequestInit = {}) {
  const given = await fetch(`${base}/v1/token`, { method: 'POST' });
  const { token } = await given.json();
  const headers = { Authorization: `Bearer ${token}` };
  const answer = await fetch(`${base}${path}`, { ...options, headers });
  if (isOver(path, answer.status) && (await renew())) return fetch(`${base}${path}`, { ...options, headers });
  return answer;
}
";
    let page = "import { send } from './api';
export const load = async () => [await send('/v1/tasks'), await send('/v1/me')];
";
    let found = table(&[("api/main.py", backend), ("web/api.ts", api), ("web/page.ts", page)]);
    assert_eq!(
        found,
        [
            "api.ts POST ${API}/v1/refresh none: POST /v1/refresh",
            "api.ts POST ${API}/v1/token none: POST /v1/token",
            "page.ts GET ${API}/v1/tasks token: GET /v1/tasks",
            "page.ts GET ${API}/v1/me token: GET /v1/me",
        ]
    );
}

#[test]
fn calls_are_followed_from_components_to_their_requests() {
    let backend = "from fastapi import FastAPI
app = FastAPI()
@app.get('/v1/tasks/{task_id}')
def task(task_id: str): return {}
@app.get('/v1/files/{path:path}')
def file(path: str): return ''
";
    let client = "
const slash = (path: string) => (path.startsWith('/') ? path.slice(1) : path);
const whole = (path: string) => `${process.env.API}/${slash(path)}`;
const withQuery = (url: string, query: URLSearchParams) => url + (url.includes('?') ? '&' : '?') + query.toString();
const sent = async (method: string, path: string, query: URLSearchParams) => fetch(withQuery(whole(path), query), { method });
const request = async (options: { method: string; path: string }) => sent(options.method, options.path, new URLSearchParams());
const make = (method: string) => (path: string) => request({ method, path });
export const client = { get: make('GET') };
";
    let service = "import { client } from './client';
export class Tasks { static one(id: string) { return client.get(`/v1/tasks/${id}`); } }
export class Files { static read(path: string) { return client.get(`/v1/files/${path}`); } }
";
    let hooks = "import { useQuery } from '@tanstack/react-query';
import { Files, Tasks } from './service';
const load = async (id: string) => [await Tasks.one(id), await Files.read(id)];
export const useTask = (id: string) => useQuery({ queryFn: async () => load(id) });
";
    let page = "'use client';
import { useTask } from './api/hooks';
function useShown(id: string) { return useTask(id); }
export function Page({ id }: { id: string }) {
  const shown = useShown(id);
  return <button onClick={() => shown.refetch().then(() => null)}>{shown.data}</button>;
}
";
    let found = table(&[
        ("api/main.py", backend),
        ("web/api/client.ts", client),
        ("web/api/service.ts", service),
        ("web/api/hooks.ts", hooks),
        ("web/page.tsx", page),
    ]);
    let pages: Vec<&String> = found.iter().filter(|line| line.starts_with("page.tsx")).collect();
    assert_eq!(
        pages,
        [
            "page.tsx GET ${API}/v1/tasks/{}&{} none: GET /v1/tasks/{task_id}",
            "page.tsx GET ${API}/v1/files/{}&{} none: GET /v1/files/{path:path}",
        ]
    );
}

#[test]
fn plugins_give_the_configuration_that_they_are_given() {
    let page = "export const load = () => fetch('/api/tasks');
";
    let own = "{ rewrites: async () => [{ source: '/api/:path*', destination: 'http://localhost:8000/v1/:path*' }] }";
    let wrapped = [
        format!("import plugin from 'some-plugin/plugin';\nexport default plugin()({own});"),
        format!("import {{ wrapped }} from 'some-plugin';\nexport default wrapped({own}, {{ silent: true }});"),
        format!("const analyzer = require('some-analyzer')({{ enabled: true }});\nmodule.exports = analyzer({own});"),
    ];
    for configuration in &wrapped {
        let found = table(&[BACKEND, ("web/next.config.js", configuration), ("web/lib/page.ts", page)]);
        assert_eq!(found, ["page.ts GET /api/tasks none: GET /v1/tasks"], "{configuration}");
    }
}

#[test]
fn what_a_constructor_sets_is_known() {
    let client = "class Client {
  private headers: Record<string, string>;
  constructor() { this.headers = { Accept: 'application/json' }; }
  private send(path: string, token?: string) {
    const headers = { ...this.headers };
    if (token) headers.Authorization = `Bearer ${token}`;
    return fetch(`${process.env.API}${path}`, { headers });
  }
  tasks() { return this.send('/v1/tasks'); }
  own(token: string) { return this.send('/v1/tasks', `a${token}`); }
}
export const client = new Client();
";
    let page = "import { client } from './api';
export const load = async () => [await client.tasks(), await client.own('b')];
";
    let found = table(&[BACKEND, ("web/api.ts", client), ("web/page.ts", page)]);
    let pages: Vec<&String> = found.iter().filter(|line| line.starts_with("page.ts")).collect();
    assert_eq!(
        pages,
        ["page.ts GET ${API}/v1/tasks none: GET /v1/tasks", "page.ts GET ${API}/v1/tasks token: GET /v1/tasks"]
    );
}

#[test]
fn a_handler_stands_for_the_request_that_it_passes_on() {
    let handler = "import { cookies } from 'next/headers';
async function renewed() {
  const answer = await fetch('http://localhost:8000/v1/tasks', { method: 'POST' });
  return (await answer.json()).token;
}
export async function GET() {
  const token = (await cookies()).get('token')?.value ?? (await renewed());
  return fetch('http://localhost:8000/v1/tasks', { headers: { Authorization: `Bearer ${token}` } });
}
";
    let page = "export const load = () => fetch('/api/own');
";
    let found = table(&[BACKEND, ("web/app/api/own/route.ts", handler), ("web/lib/page.ts", page)]);
    assert!(found.contains(&"page.ts GET /api/own token: GET /v1/tasks".to_owned()), "{found:#?}");
}

#[test]
fn what_is_missing_calls_nothing() {
    let api = "export function send(path: string, options: RequestInit = {}) {
  const headers: Record<string, string> = {};
  if (options.headers instanceof Headers) {
    options.headers.forEach((value, key) => { headers[key] = value; });
  } else if (options.headers) {
    Object.assign(headers, options.headers);
  }
  return fetch(`${process.env.API}${path}`, { ...options, headers });
}
";
    let page = "import { send } from './api';
export const add = async () => await send('/v1/tasks', { method: 'POST' });
";
    let found = table(&[BACKEND, ("web/api.ts", api), ("web/page.ts", page)]);
    assert_eq!(found, ["page.ts POST ${API}/v1/tasks none: POST /v1/tasks"]);
}

#[test]
fn an_empty_text_stands_in_for_a_server_that_is_not_known_yet() {
    let page = "
import axios from 'axios';
import { create } from 'zustand';
const useServer = create((set) => ({ address: null, choose: (address) => set({ address }) }));
const server = () => (useServer.getState().address ?? '').replace(/\\/$/, '');
const client = axios.create({ timeout: 1000 });
client.interceptors.request.use((config) => {
  const base = useServer.getState().address;
  if (base) config.baseURL = base;
  return config;
});
const signed = axios.create({ baseURL: server() });
signed.interceptors.request.use(async (config) => config);
export const load = (known: { url?: string }, all: boolean) => [
  fetch(`${server()}/v1/tasks`),
  fetch((known.url ?? '') + '/v1/tasks', { method: 'POST' }),
  axios.create({ baseURL: server() }).get('/v1/tasks'),
  client.post('/v1/tasks'),
  signed.get('/v1/tasks'),
  // What is known may be empty.
  fetch(`${all ? '' : '/mine'}/v1/tasks`),
];
";
    let found = table(&[BACKEND, ("web/package.json", "{}"), ("web/lib/page.ts", page)]);
    assert_eq!(
        found,
        [
            "page.ts GET {}/v1/tasks none: GET /v1/tasks",
            "page.ts POST {}/v1/tasks none: POST /v1/tasks",
            "page.ts GET {}/v1/tasks none: GET /v1/tasks",
            "page.ts POST {}/v1/tasks none: POST /v1/tasks",
            "page.ts GET {}/v1/tasks none: GET /v1/tasks",
            "page.ts GET /v1/tasks none: it stays on the page's own origin: no rewrite sends it on",
        ]
    );
}

/// Where the variable is not set, the page's own origin is asked: what stands before both knows which paths are whose.
#[test]
fn a_path_may_stand_in_for_the_address_of_the_backend() {
    let page = "
const API = process.env.NEXT_PUBLIC_API ?? '/v1';
export const load = () => [fetch(`${API}/tasks`), fetch(`${API}/users`), fetch('/v1/tasks')];
";
    let next = ("web/next.config.mjs", "export default { output: 'standalone' };\n");
    let handler = ("web/app/v1/[...all]/route.ts", "export const GET = () => Response.json([]);\n");
    let package = ("web/package.json", r#"{"dependencies": {"next": "15.0.0"}}"#);
    let files = [BACKEND, package, next, ("web/lib/page.ts", page), handler];
    let stays = "page.ts GET /v1/tasks none: it stays on the page's own origin: no rewrite sends it on";
    assert_eq!(
        table(&files[..4]),
        [
            "page.ts GET ${NEXT_PUBLIC_API}/tasks none: GET /v1/tasks",
            "page.ts GET ${NEXT_PUBLIC_API}/users none: no route has its path",
            stays,
        ]
    );
    // Next.js answers where it has a handler.
    assert!(!table(&files)[0].ends_with("GET /v1/tasks"), "{:?}", table(&files));
}

/// A variable has one value: of two backends with the same path that one is meant which has all that is asked for.
#[test]
fn a_base_leads_to_the_backend_that_has_all_its_paths() {
    let guarded = "import os
from fastapi import Depends, FastAPI, Header, HTTPException
def key(x_api_key: str = Header()):
    if x_api_key != os.environ['KEY']:
        raise HTTPException(401)
app = FastAPI()
@app.get('/v1/tasks', dependencies=[Depends(key)])
def tasks(): return []
@app.get('/v1/users')
def users(): return []
@app.post('/image/{name}')
def image(name: str): return name
";
    let other = ("api/other.py", guarded);
    let page = "
const API = process.env.API;
export const load = () => [fetch(`${API}/v1/tasks`), fetch(`${API}/v1/tasks`, { method: 'POST' })];
";
    let more = "
const API = process.env.API;
export const load = () => [fetch(`${API}/v1/tasks`), fetch(`${API}/v1/users`)];
";
    let package = |folder: &'static str| (folder, r#"{"dependencies": {"next": "15.0.0"}}"#);
    // Only one adds tasks.
    let files = [BACKEND, other, package("web/package.json"), ("web/lib/page.ts", page)];
    assert_eq!(
        table(&files),
        ["page.ts GET ${API}/v1/tasks none: GET /v1/tasks", "page.ts POST ${API}/v1/tasks none: POST /v1/tasks"]
    );
    // Each package has a variable of its own.
    let both = [BACKEND, other, package("web/package.json"), package("admin/package.json")];
    let both = [&both[..], &[("web/lib/page.ts", page), ("admin/lib/more.ts", more)]].concat();
    assert_eq!(
        table(&both),
        [
            "page.ts GET ${API}/v1/tasks none: GET /v1/tasks",
            "page.ts POST ${API}/v1/tasks none: POST /v1/tasks",
            "more.ts GET ${API}/v1/tasks none: GET /v1/tasks",
            "more.ts GET ${API}/v1/users none: GET /v1/users",
        ]
    );
    // Where none has all, it is not known which one runs.
    let all = "
const API = process.env.API;
export const load = () => [
  fetch(`${API}/v1/tasks`), fetch(`${API}/v1/tasks`, { method: 'POST' }), fetch(`${API}/v1/users`),
];
";
    let files = [BACKEND, other, package("web/package.json"), ("web/lib/page.ts", all)];
    assert_eq!(table(&files)[0], "page.ts GET ${API}/v1/tasks none: several backends answer it");
}

#[test]
fn packages_may_be_required() {
    let server = "
const axios = require('axios');
const { Server } = require('socket.io');
const io = new Server(3000);
io.use(async (socket, next) => {
  await axios.get(`${process.env.API}/v1/tasks`, { headers: { Authorization: `Bearer ${socket.token}` } });
  next();
});
const client = axios.create({ baseURL: process.env.API });
exports.add = () => client.post('/v1/tasks');
const own = require('./axios');
own.get(`${process.env.API}/v1/tasks`);
";
    assert_eq!(
        table(&[BACKEND, ("web/server.js", server)]),
        ["server.js GET ${API}/v1/tasks token: GET /v1/tasks", "server.js POST ${API}/v1/tasks none: POST /v1/tasks",]
    );
}

/// The folder of a client may be kept from git, and an import lead nowhere.
#[test]
fn what_a_lost_module_gives_by_default_is_called_like_it() {
    let page = "
import api from '@/lib/api';
import theme from '@/lib/theme';
export const load = () => [api.post('/tasks', {}), theme.get('/tasks')];
";
    assert_eq!(table(&[BACKEND, ("web/page.ts", page)]), ["page.ts POST /tasks ?: POST /v1/tasks"]);
}

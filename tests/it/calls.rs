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
            "page.ts GET /v1/tasks ?: the import that sends it leads nowhere",
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

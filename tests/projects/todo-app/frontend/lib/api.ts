import { authClient } from "./auth-client";

const API = process.env.NEXT_PUBLIC_API_URL ?? "http://localhost:8000";

export async function api(path: string, init: RequestInit = {}) {
  const { data, error } = await authClient.token();
  if (error || !data) throw new Error("not signed in");
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${data.token}`);
  const response = await fetch(`${API}${path}`, { ...init, headers });
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

export const listTasks = () => api("/api/v1/tasks");

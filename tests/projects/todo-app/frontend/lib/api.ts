import { authClient } from "./auth-client";

export const API = process.env.NEXT_PUBLIC_API_URL ?? "http://localhost:8000";

export async function accessToken(): Promise<string> {
  const { data, error } = await authClient.token();
  if (error || !data) throw new Error("not signed in");
  return data.token;
}

export async function api<T>(path: string, init: RequestInit = {}): Promise<T> {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${await accessToken()}`);
  return read<T>(await fetch(`${API}${path}`, { ...init, headers }));
}

export async function read<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.status}`);
  return response.json();
}

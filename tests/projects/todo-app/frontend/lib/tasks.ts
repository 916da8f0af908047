import { API, accessToken, api, read } from "./api";

export interface Task {
  owner: string;
  title?: string;
}

export const listTasks = () => api<Task[]>("/api/v1/tasks");

// The token is forgotten.
export async function createTask(title: string): Promise<Task> {
  return read<Task>(await fetch(`${API}/api/v1/tasks?title=${encodeURIComponent(title)}`, { method: "POST" }));
}

export const deleteTask = (id: number) => api<unknown>(`/api/v1/tasks/${id}`, { method: "DELETE" });

// The promise is sent, and not the token.
export async function allTasks(): Promise<Task[]> {
  const headers = { Authorization: `Bearer ${accessToken()}` };
  return read<Task[]>(await fetch(`${API}/api/v1/tasks/all`, { headers }));
}

// Everybody may ask.
export async function featuredTasks(): Promise<{ tasks: string[] }> {
  return read(await fetch(`${API}/api/v1/tasks/featured`));
}

export const isUp = async () => (await fetch(`${API}/health`)).ok;

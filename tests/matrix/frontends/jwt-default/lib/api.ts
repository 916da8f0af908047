import { authClient } from "./auth-client";

const API_URL = process.env.NEXT_PUBLIC_API_URL;

async function accessToken(): Promise<string> {
  const { data, error } = await authClient.token();
  if (error) {
    throw new Error(`No token: ${error.status}`);
  }
  return data.token;
}

export async function listTasks() {
  const response = await fetch(`${API_URL}/api/tasks`, {
    headers: { Authorization: `Bearer ${await accessToken()}` },
  });
  if (!response.ok) {
    throw new Error(`The tasks could not be read: ${response.status}`);
  }
  return response.json();
}

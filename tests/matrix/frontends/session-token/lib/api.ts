import { authClient } from "./auth-client";

const API_URL = process.env.NEXT_PUBLIC_API_URL;

export async function listTasks() {
  const { data } = await authClient.getSession();
  if (!data) {
    throw new Error("Nobody is signed in");
  }
  const response = await fetch(`${API_URL}/api/tasks`, {
    headers: { Authorization: `Bearer ${data.session.token}` },
  });
  if (!response.ok) {
    throw new Error(`The tasks could not be read: ${response.status}`);
  }
  return response.json();
}

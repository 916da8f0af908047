import { authClient } from "./auth-client";

const API_URL = process.env.NEXT_PUBLIC_API_URL;

let sessionToken: string | null = null;

export async function signIn(email: string, password: string) {
  const { data, error } = await authClient.signIn.email({ email, password });
  if (error) {
    throw new Error(error.message);
  }
  sessionToken = data.token;
}

export async function listTasks() {
  if (!sessionToken) {
    throw new Error("Nobody is signed in");
  }
  const response = await fetch(`${API_URL}/api/tasks`, {
    headers: { Authorization: `Bearer ${sessionToken}` },
  });
  if (!response.ok) {
    throw new Error(`The tasks could not be read: ${response.status}`);
  }
  return response.json();
}

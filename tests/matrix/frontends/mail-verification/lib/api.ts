const API_URL = process.env.NEXT_PUBLIC_API_URL;

async function accessToken(): Promise<string> {
  const response = await fetch("/api/token");
  if (!response.ok) {
    throw new Error(`No token: ${response.status}`);
  }
  const { token } = await response.json();
  return token;
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

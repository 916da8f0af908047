const API_URL = process.env.NEXT_PUBLIC_API_URL;

export async function listTasks() {
  const response = await fetch(`${API_URL}/api/tasks`, { credentials: "include" });
  if (!response.ok) {
    throw new Error(`The tasks could not be read: ${response.status}`);
  }
  return response.json();
}

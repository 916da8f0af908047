import { auth } from "@/lib/auth";

// Asks the backend in the caller's name.
export async function GET(request: Request) {
  const session = await auth.api.getSession({ headers: request.headers });
  if (!session) return Response.json({ error: "not signed in" }, { status: 401 });
  const { token } = await auth.api.getToken({ headers: request.headers });
  const answer = await fetch(`${process.env.API_URL}/api/v1/tasks`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  return new Response(answer.body, { status: answer.status });
}

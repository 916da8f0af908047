import { SignJWT } from "jose";
import { auth } from "../../../lib/auth";

const secret = new TextEncoder().encode(process.env.BETTER_AUTH_SECRET);

export async function GET(request: Request) {
  const session = await auth.api.getSession({ headers: request.headers });
  if (!session) {
    return Response.json({ error: "Nobody is signed in" }, { status: 401 });
  }
  const token = await new SignJWT({ email: session.user.email })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(session.user.id)
    .setIssuedAt()
    .setExpirationTime("15m")
    .sign(secret);
  return Response.json({ token });
}

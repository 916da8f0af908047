import { LibsqlDialect } from "@libsql/kysely-libsql";
import { betterAuth } from "better-auth";
import { jwt } from "better-auth/plugins";
import { SignJWT } from "jose";

const secret = new TextEncoder().encode(process.env.BETTER_AUTH_SECRET);

export const auth = betterAuth({
  baseURL: process.env.BETTER_AUTH_URL,
  secret: process.env.BETTER_AUTH_SECRET,
  database: {
    dialect: new LibsqlDialect({ url: process.env.DATABASE_URL! }),
    type: "sqlite",
  },
  emailAndPassword: { enabled: true },
  plugins: [
    jwt({
      jwks: { remoteUrl: "https://keys.example.com/jwks.json", keyPairConfig: { alg: "ES256" } },
      jwt: {
        sign: (payload) => new SignJWT(payload).setProtectedHeader({ alg: "HS256" }).sign(secret),
      },
    }),
  ],
});

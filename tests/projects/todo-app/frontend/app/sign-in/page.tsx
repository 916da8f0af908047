"use client";

import { authClient } from "@/lib/auth-client";

export default function SignIn() {
  const signIn = async (form: FormData) => {
    const email = String(form.get("email"));
    const password = String(form.get("password"));
    const { error } = await authClient.signIn.email({ email, password });
    if (!error) window.location.assign("/tasks");
  };

  return (
    <form action={signIn}>
      <input name="email" type="email" />
      <input name="password" type="password" />
      <button>Sign in</button>
    </form>
  );
}

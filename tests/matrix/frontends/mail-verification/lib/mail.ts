const MAIL_URL = process.env.MAIL_URL ?? "https://mail.example.com/send";

export async function sendMail(to: string, subject: string, text: string) {
  await fetch(MAIL_URL, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ to, subject, text }),
  });
}

import type { NextConfig } from "next";

const backend = process.env.API_URL ?? "http://localhost:8000";

const nextConfig: NextConfig = {
  async rewrites() {
    return [
      // Comes before `app/api/auth/[...all]`: nobody can sign in.
      { source: "/api/:path*", destination: `${backend}/api/:path*` },
      { source: "/reports/:path*", destination: `${backend}/reports/:path*` },
    ];
  },
};

export default nextConfig;

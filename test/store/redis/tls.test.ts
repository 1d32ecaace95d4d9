import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { createAuthority } from "../../broker/authority.ts";
import { freePort } from "../../servers/free-port.ts";
import { ownUrl, refused, withServer, withStore } from "./world.ts";

test("redis TLS / the server's certificate is checked, and the client shows its own", async () => {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-redis-tls-"));
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  try {
    const authority = await createAuthority();
    const server = await authority.issue("redis");
    const client = await authority.issue("broker");
    const ca = write("ca", authority.ca);
    const cert = write("client-cert", client.cert);
    const key = write("client-key", client.key);
    const tlsPort = String(await freePort());
    const settings = {
      "tls-port": tlsPort,
      "tls-ca-cert-file": ca,
      "tls-cert-file": write("server-cert", server.cert),
      "tls-key-file": write("server-key", server.key),
    };
    await withServer(settings, async ({ server: plain }) => {
      const base = `rediss://127.0.0.1:${tlsPort}`;
      await withStore(ownUrl(base, { ca, cert, key }), async (store) => {
        assert.match(store.description.location, /^rediss:/);
        assert.ok((await store.readTime()) > 0);
      });
      await refused(ownUrl(base, { cert, key }), "STORE_UNAVAILABLE", /over TLS/);
      await refused(ownUrl(base, { ca, cert, key, servername: "elsewhere.example" }), "STORE_UNAVAILABLE", /over TLS/);
      await refused(ownUrl(base, { ca }), "STORE_UNAVAILABLE", /TLS|lost|reached/);
      await refused(
        ownUrl(plain.url.replace("redis:", "rediss:"), { connect_timeout: "500ms" }),
        "STORE_UNAVAILABLE",
        /TLS|reached/,
      );
      await refused(
        ownUrl(base.replace("rediss:", "redis:"), { connect_timeout: "500ms" }),
        "STORE_UNAVAILABLE",
        /reached|lost/,
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

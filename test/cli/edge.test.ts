import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Authority, createAuthority, type Issued } from "../broker/authority.ts";
import { conveyor, type ServedBroker, serve } from "./conveyor.ts";
import { writeShopImage } from "./shop-image.ts";

const aliceToken = "alice-token-0123456789";
const bobToken = "bob-token-0123456789abc";

let folder: string;
let authority: Authority;
let server: Issued;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-edge-"));
  authority = await createAuthority();
  server = await authority.issue("broker");
});
after(() => rm(folder, { recursive: true, force: true }));

/** A file of the test's folder that only its owner reads. */
async function file(name: string, content: string, mode = 0o600): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, mode);
  return path;
}

/** Resolves once the broker has said this on stderr. */
async function said(broker: ServedBroker, pattern: RegExp): Promise<void> {
  while (!pattern.test(broker.stderr())) await once(broker.child.stderr ?? assert.fail("no stderr"), "data");
}

const memory = ["--store", ":memory:"];
const list = ["job", "list", "--address"];

test("serve / tokens and TLS from files: whoever shows both is let in, by flags and by environment", async () => {
  const tokens = await file("tokens.txt", `# who may call\nalice:${aliceToken}\n\nbob:${bobToken}\n`);
  const [cert, key, ca] = [
    await file("cert.pem", server.cert),
    await file("key.pem", server.key),
    await file("ca.pem", authority.ca, 0o644),
  ];
  const token = await file("alice.token", `${aliceToken}\n`);
  await using broker = await serve([...memory, "--tokens", tokens, "--tls-cert", cert, "--tls-key", key]);
  assert.deepEqual([broker.banner.auth, broker.banner.tls], ["tokens", true]);
  const at = [...list, broker.address];
  const ended = async (args: readonly string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await conveyor([...at, ...args], { env });
    assert.doesNotMatch(stderr, /0123456789|Warning/);
    return [code, /^conveyor: ([A-Z_]+)/.exec(stderr)?.[1]];
  };
  assert.deepEqual(await ended(["--tls-ca", ca, "--token-file", token]), [0, undefined]);
  assert.deepEqual(await ended([], { CONVEYOR_TLS_CA: ca, CONVEYOR_TOKEN_FILE: token }), [0, undefined]);
  assert.deepEqual(await ended([], { CONVEYOR_TLS_CA: ca, CONVEYOR_TOKEN: bobToken }), [0, undefined]);
  assert.deepEqual(await ended(["--tls-ca", ca]), [5, "NO_CREDENTIALS"]);
  assert.deepEqual(await ended([], { CONVEYOR_TLS_CA: ca, CONVEYOR_TOKEN: `${bobToken}x` }), [
    5,
    "CREDENTIALS_INVALID",
  ]);
  assert.deepEqual(await ended(["--token-file", token]), [4, "BROKER_UNREACHABLE"]);
  assert.deepEqual(await ended(["--token-file", token, "--tls"]), [4, "BROKER_UNREACHABLE"]);
  assert.deepEqual(await ended(["--token-file", join(folder, "none")]), [2, "INVALID_OPTION"]);
  assert.deepEqual(await ended(["--tls-ca", token]), [2, "INVALID_OPTION"]);
  const health = await conveyor(["health", "--address", broker.address, "--tls-ca", ca]);
  assert.deepEqual([health.code, health.stdout], [0, "serving\n"]);
});

test("serve / a token is known by its hash, which everybody may read", async () => {
  const hash = createHash("sha256").update(aliceToken).digest("hex");
  const tokens = await file("hashed.txt", `alice:sha256:${hash}`, 0o644);
  await using broker = await serve([...memory, "--tokens", tokens]);
  assert.equal(broker.stderr(), "");
  const code = async (token: string) =>
    (await conveyor([...list, broker.address], { env: { CONVEYOR_TOKEN: token } })).code;
  assert.deepEqual([await code(aliceToken), await code(hash)], [0, 5]);
});

test("serve / tokens that change in their file count within seconds, on SIGHUP at once; mistakes change nothing", async () => {
  const tokens = await file("rotated.txt", `alice:${aliceToken}\n`);
  await using broker = await serve([...memory, "--tokens", tokens]);
  const code = async (token: string) =>
    (await conveyor([...list, broker.address], { env: { CONVEYOR_TOKEN: token } })).code;
  assert.deepEqual([await code(aliceToken), await code(bobToken)], [0, 5]);
  await file("next.txt", `alice:${aliceToken}\nbob:${bobToken}\n`);
  await rename(join(folder, "next.txt"), tokens);
  await said(broker, /tokens read again from .*rotated\.txt: 2 names/);
  assert.deepEqual([await code(aliceToken), await code(bobToken)], [0, 0]);
  await writeFile(tokens, `bob:${bobToken}\nalice ${aliceToken}\n`);
  broker.child.kill("SIGHUP");
  await said(broker, /TOKENS_INVALID: .*rotated\.txt.*line 2: there is no colon.*the old tokens stay/);
  assert.deepEqual([await code(aliceToken), await code(bobToken)], [0, 0]);
  await writeFile(tokens, `bob:${bobToken}\n`);
  await said(broker, /rotated\.txt: 1 names/);
  assert.deepEqual([await code(aliceToken), await code(bobToken)], [5, 0]);
  assert.doesNotMatch(broker.stderr(), /0123456789/);
});

test("serve / a certificate that is replaced behind a link is taken up, and new clients see the new one", async () => {
  const next = await createAuthority("next authority");
  const renewed = await next.issue("broker");
  await file("first.pem", `${server.cert}\n${server.key}`);
  await file("second.pem", `${renewed.cert}\n${renewed.key}`);
  const ca = await file("next-ca.pem", next.ca);
  const link = join(folder, "current.pem");
  await symlink("first.pem", link);
  await using broker = await serve([...memory, "--tls-cert", link, "--tls-key", link]);
  assert.equal((await conveyor([...list, broker.address, "--tls-ca", ca])).code, 4);
  await unlink(link);
  await symlink("second.pem", link);
  await said(broker, /certificate read again from .*current\.pem/);
  assert.equal((await conveyor([...list, broker.address, "--tls-ca", ca])).code, 0);
});

test("serve / a file of tokens, or a private key, that everybody can read is warned of", async () => {
  const tokens = await file("open.txt", `alice:${aliceToken}\n`, 0o644);
  const [cert, key] = [await file("open-cert.pem", server.cert, 0o644), await file("open-key.pem", server.key, 0o644)];
  await using broker = await serve([...memory, "--tokens", tokens, "--tls-cert", cert, "--tls-key", key]);
  await said(broker, /every user of this machine can read .*open\.txt.*chmod 600/);
  await said(broker, /every user of this machine can read .*open-key\.pem.*chmod 600/);
  assert.doesNotMatch(broker.stderr(), /open-cert|0123456789/);
});

const refusals: readonly (readonly [
  what: string,
  args: (at: Files) => readonly string[],
  says: RegExp,
  code?: number,
])[] = [
  ["no file of tokens", () => ["--tokens", "/nowhere/tokens"], /TOKENS_INVALID: --tokens: .*nowhere.*ENOENT/],
  [
    "bad lines in it",
    ({ bad }) => ["--tokens", bad],
    /line 1: there is no colon.*line 2: .*at least 16 characters.*line 4: .*same token as in line 3.*line 5: .*64 hexadecimal.*line 6: before the colon/,
  ],
  ["nobody in it", ({ empty }) => ["--tokens", empty], /TOKENS_INVALID: .*it holds no token/],
  ["a certificate without a key", ({ cert }) => ["--tls-cert", cert], /--tls-cert needs --tls-key/, 2],
  ["a key without a certificate", ({ key }) => ["--tls-key", key], /--tls-key needs --tls-cert/, 2],
  ["authorities of clients alone", ({ ca }) => ["--tls-client-ca", ca], /--tls-client-ca needs --tls-cert/, 2],
  [
    "a key of another certificate",
    ({ cert, other }) => ["--tls-cert", cert, "--tls-key", other],
    /CERTIFICATE_INVALID: --tls-key: .*does not belong/,
  ],
  [
    "files in each other's place",
    ({ cert, key }) => ["--tls-cert", key, "--tls-key", cert],
    /CERTIFICATE_INVALID: --tls-cert: .*holds no certificate/,
  ],
  [
    "an expired certificate",
    ({ old, oldKey }) => ["--tls-cert", old, "--tls-key", oldKey],
    /CERTIFICATE_INVALID: --tls-cert: .*expired on \d{4}-\d\d-\d\dT/,
  ],
  [
    "a folder for a file",
    ({ cert }) => ["--tls-cert", cert, "--tls-key", tmpdir()],
    /CERTIFICATE_INVALID: --tls-key: .*cannot be read: EISDIR/,
  ],
];

type Files = Readonly<Record<"bad" | "empty" | "cert" | "key" | "ca" | "other" | "old" | "oldKey", string>>;

for (const [what, args, says, code = 7] of refusals) {
  test(`start fault / ${what}`, async () => {
    const expired = await authority.issue("old", { notAfter: new Date(Date.now() - 60_000) });
    const bad = `nonsense\nalice:short\nbob:${bobToken}\neve:${bobToken}\nbob:sha256:abc\nno body:${aliceToken}\n`;
    const at = {
      bad: await file("bad.txt", bad),
      empty: await file("empty.txt", "# nobody\n\n"),
      cert: await file("a.pem", server.cert),
      key: await file("a-key.pem", server.key),
      ca: await file("a-ca.pem", authority.ca),
      other: await file("other-key.pem", (await authority.issue("other")).key),
      old: await file("old.pem", expired.cert),
      oldKey: await file("old-key.pem", expired.key),
    };
    const ended = await conveyor(["serve", "--listen", "127.0.0.1:0", ...memory, ...args(at)]);
    assert.equal(ended.code, code, ended.stderr);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /0123456789|short/);
    assert.equal(ended.stdout, "");
  });
}

test("start fault / beyond this machine without TLS, or without anybody to ask for", async () => {
  const tokens = await file("beyond.txt", `alice:${aliceToken}\n`);
  const [cert, key] = [await file("b.pem", server.cert), await file("b-key.pem", server.key)];
  const tls = ["--tls-cert", cert, "--tls-key", key];
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no TLS \(--tls-cert and --tls-key\) and no credentials to ask for \(--tokens, or --tls-client-ca\)/],
    [["--tokens", tokens], /this broker has no TLS \(--tls-cert and --tls-key\);/],
    [tls, /this broker has no credentials to ask for \(--tokens, or --tls-client-ca\);/],
  ];
  for (const [args, says] of cases) {
    const ended = await conveyor(["serve", "--listen", "0.0.0.0:0", ...memory, ...args]);
    assert.equal(ended.code, 7, ended.stderr);
    assert.match(ended.stderr, /^conveyor: ADDRESS_UNSAFE: /);
    assert.match(ended.stderr, says);
    assert.match(ended.stderr, /--insecure/);
  }
});

test("flags / of several brokers the first that can be reached is asked, types too", async () => {
  const tokens = await file("several.txt", `alice:${aliceToken}\n`);
  await using broker = await serve([...memory, "--tokens", tokens, "--schema", await writeShopImage(folder)]);
  const env = { CONVEYOR_ADDRESS: `127.0.0.1:1,${broker.address}`, CONVEYOR_TOKEN: aliceToken };
  const sent = await conveyor(["enqueue", "shop.v1.Chore", "-f", "script=sweep"], { env });
  assert.equal(sent.code, 0, sent.stderr);
  const id = sent.stdout.trim();
  assert.match((await conveyor(["job", "show", id], { env })).stdout, /"?script"?: "?sweep/);
  const none = await conveyor(["job", "list", "--address", "127.0.0.1:1,127.0.0.1:2"], { env });
  assert.equal(none.code, 4);
  assert.match(none.stderr, /BROKER_UNREACHABLE: no broker answers at 127\.0\.0\.1:1, 127\.0\.0\.1:2/);
});

test("flags / a token is not sent to another machine in plain text", async () => {
  const env = { CONVEYOR_TOKEN: aliceToken };
  const ended = await conveyor(["job", "list", "--address", "broker.invalid:2668"], { env });
  assert.equal(ended.code, 2);
  assert.match(ended.stderr, /INVALID_OPTION: token: it would travel to broker\.invalid:2668 in plain text/);
});

test("serve / the store's URL and its password come from the environment too, and are not shown", async () => {
  const url = `sqlite:${join(folder, "environment.db")}`;
  await using broker = await serve([], { env: { CONVEYOR_STORE: url } });
  assert.match(JSON.stringify(broker.banner.store), /environment\.db/);
  const password = await file("password", "hush/hush\n");
  const refused = async (args: readonly string[], env: Record<string, string>, says: RegExp) => {
    const ended = await conveyor(["serve", "--listen", "127.0.0.1:0", ...args], { env });
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /hush/);
  };
  await refused(["--store", url, "--store-password-file", password], {}, /of a kind that takes none/);
  await refused(["--store", url], { CONVEYOR_STORE_PASSWORD: "hush" }, /of a kind that takes none/);
  await refused(["--store", "postgres://me:hush@127.0.0.1:9/x"], { CONVEYOR_STORE_PASSWORD: "hush" }, /leave one away/);
  await refused(
    ["--store", "mysql://me@localhost"],
    { CONVEYOR_STORE_PASSWORD_FILE: password },
    /mysql:.*no known kind.*sqlite:PATH.*postgres:.*redis:/,
  );
  await refused(["--store-password-file", join(folder, "none")], {}, /--store-password-file: .*ENOENT/);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { composeProblems } from "../../tools/check/compose-problems.ts";

const text = readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8");

interface Service {
  readonly profiles?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

function read(source: string): { readonly services: Readonly<Record<string, Service>> } {
  return parse(source, { merge: true });
}

test("compose file / is valid: one broker by itself, two with each of the profiles", () => {
  const file = read(text);
  assert.deepEqual(composeProblems(file), []);
  const services = (profile: string | undefined) =>
    Object.entries(file.services)
      .filter(([, { profiles = [] }]) => (profile === undefined ? profiles.length === 0 : profiles.includes(profile)))
      .map(([name]) => name);
  assert.deepEqual(services(undefined), ["broker"]);
  for (const profile of ["postgres", "redis"]) {
    assert.deepEqual(services(profile), [profile, `${profile}-broker-1`, `${profile}-broker-2`]);
    assert.match(file.services[`${profile}-broker-2`]?.environment?.CONVEYOR_STORE ?? "", new RegExp(`^${profile}://`));
  }
});

test("compose file / its Redis is one that loses nothing", () => {
  for (const setting of ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"]) {
    assert.ok(text.includes(setting), setting);
  }
});

const planted: readonly (readonly [what: string, from: string | RegExp, to: string, says: RegExp])[] = [
  ["a name at the top", "services:\n", "name: conveyor\nservices:\n", /"name" at the top/],
  [
    "a typing error in a service",
    "stop_grace_period: 1m",
    "stop_grace: 1m",
    /services\.postgres: "stop_grace" is not known/,
  ],
  ["a port for everybody", '"127.0.0.1:2671:2668"', '"2671:2668"', /port 2671:2668 is not 127\.0\.0\.1/],
  ["one port twice", "127.0.0.1:2682:", "127.0.0.1:2681:", /port 2681 of the host is published twice/],
  ["a volume that is not declared", "\n  redis-data:\n", "\n", /volume redis-data is not declared/],
  ["a secret that is not declared", /\n {2}redis-password:\n.*\n/, "\n", /secret redis-password is not declared/],
  [
    "a password in the environment",
    "conveyor@postgres:5432",
    "conveyor:hush@postgres:5432",
    /CONVEYOR_STORE holds a password/,
  ],
  [
    "a password as a variable",
    /CONVEYOR_STORE_PASSWORD_FILE: .*postgres-password/,
    "CONVEYOR_STORE_PASSWORD: hush",
    /holds a secret/,
  ],
  [
    "a dependency of another profile",
    "profiles: [postgres]\n    restart",
    "profiles: [database]\n    restart",
    /depends on postgres, which not all/,
  ],
  [
    "a dependency that is none",
    "    redis:\n      condition",
    "    rediss:\n      condition",
    /depends on rediss, and there is none/,
  ],
  ["a condition that is none", "condition: service_healthy", "condition: healthy", /a condition that is none/],
  ["a service without a healthcheck", '["CMD", "pg_isready"', '["pg_isready"', /healthcheck: test is/],
  ["a restart policy that is none", "restart: unless-stopped", "restart: sometimes", /restart: sometimes/],
  ["a lone dollar", "$$(cat /run/secrets/redis-password)\n", "$(cat /run/secrets/redis-password)\n", /a \$ begins no/],
  ["a variable without a default", ":-./.conveyor/redis-password}", "}", /a \$ begins no/],
  ["a number in the environment", "POSTGRES_USER: conveyor", "POSTGRES_USER: 7", /POSTGRES_USER is no text/],
];

for (const [what, from, to, says] of planted) {
  test(`compose file / ${what} is reported`, () => {
    const changed = text.replace(from, to);
    assert.notEqual(changed, text);
    assert.match(composeProblems(read(changed)).join("\n"), says);
  });
}

import { readFileSync } from "node:fs";
import { ConveyorError } from "../../core/errors.ts";
import { parseSpan } from "../../core/span.ts";

/** Where a server listens. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What a `redis:` URL says; spans in ms. */
export interface RedisSettings {
  /** One, or with `isCluster` any that know the others. */
  readonly endpoints: readonly Endpoint[];
  readonly isCluster: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly namespace: string;
  /** Undefined: as the namespace has it, else 1 or, on a cluster, 16. */
  readonly shards: number | undefined;
  /** Replicas that must have a change before it is acknowledged. */
  readonly wait: number;
  readonly waitMs: number;
  readonly connectMs: number;
  /** Undefined: plain TCP. Certificates and key as PEM text. */
  readonly tls: TlsSettings | undefined;
  /** Without credentials. */
  readonly location: string;
}

interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

const shardsMax = 256;
const replicasMax = 16;
const databasesMax = 1_024;
const endpointsMax = 100;
const connectMsMax = 60_000;
/** The commands themselves are given up after 5 s. */
const waitMsMax = 4_000;
const defaultPort = 6_379;

const form = /^(rediss?):\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/s;
const namespacePattern = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const tlsNames = ["ca", "cert", "key", "servername"] as const;
const names = ["namespace", "shards", "cluster", "wait", "wait_timeout", "connect_timeout", ...tlsNames] as const;
type Name = (typeof names)[number];

/** Reads `redis://user:password@host:port/db?settings` (`rediss:` with TLS); throws INVALID_OPTION, never with a password in it. */
export function parseUrl(url: string): RedisSettings {
  const [, scheme, userinfo, hosts = "", path = "", query = ""] = form.exec(url) ?? [];
  if (scheme === undefined) throw unusable("it is not of the form redis://user:password@host:port/db?settings");
  const given = readSettings(query);
  const isCluster = readFlag(given.cluster);
  const endpoints = readEndpoints(hosts);
  const db = readNumber(path === "" ? "0" : path, "the database number in its path", databasesMax);
  if (endpoints.length > 1 && !isCluster) {
    throw unusable("it names several servers: that is for a cluster, write cluster=true");
  }
  if (isCluster && db !== 0) throw unusable("a cluster has the database 0 alone: leave the number out");
  const namespace = given.namespace ?? "conveyor";
  if (!namespacePattern.test(namespace)) {
    throw unusable("a namespace is 1 to 64 of a-z, 0-9, '.', '_', '-', and starts with a letter or digit");
  }
  const where = endpoints.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}:${port}`).join(",");
  return {
    endpoints,
    isCluster,
    ...readUser(userinfo),
    db,
    namespace,
    shards: given.shards === undefined ? undefined : readNumber(given.shards, "shards", shardsMax, 1),
    wait: readNumber(given.wait ?? "0", "wait", replicasMax),
    waitMs: readSpan(given.wait_timeout ?? "1s", "wait_timeout", waitMsMax),
    connectMs: readSpan(given.connect_timeout ?? "5s", "connect_timeout", connectMsMax),
    tls: readTls(scheme, given),
    location: `${scheme}://${where}${db === 0 ? "" : `/${db}`} (namespace ${namespace})`,
  };
}

type Given = Partial<Record<Name, string>>;

function readSettings(query: string): Given {
  const given: Given = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (!isName(name)) throw unusable(`it has an unknown setting "${name}"; there are ${names.join(", ")}`);
    if (given[name] !== undefined) throw unusable(`its setting "${name}" stands there twice`);
    given[name] = value;
  }
  return given;
}

function isName(name: string): name is Name {
  return (names as readonly string[]).includes(name);
}

function readEndpoints(text: string): readonly Endpoint[] {
  const endpoints = text.split(",").map((each) => {
    const [, v6, host = v6, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(each) ?? [];
    if (host === undefined) throw unusable("it names no server: write host or host:port after the //");
    return { host, port: port === undefined ? defaultPort : readNumber(port, "a port", 65_535, 1) };
  });
  if (endpoints.length > endpointsMax) throw unusable(`it names over ${endpointsMax} servers`);
  return endpoints;
}

function readUser(userinfo: string | undefined): Pick<RedisSettings, "user" | "password"> {
  if (userinfo === undefined) return { user: undefined, password: undefined };
  const split = userinfo.indexOf(":");
  const [user, password] = split < 0 ? [userinfo, ""] : [userinfo.slice(0, split), userinfo.slice(split + 1)];
  if (user !== "" && password === "")
    throw unusable("it has a user without a password: write user:password@ or :password@");
  try {
    return {
      user: user === "" ? undefined : decodeURIComponent(user),
      password: password === "" ? undefined : decodeURIComponent(password),
    };
  } catch {
    // Without a cause: its text would be a part of the password.
    throw unusable("its user or password is not percent-encoded");
  }
}

function readTls(scheme: string, given: Given): TlsSettings | undefined {
  const [named] = tlsNames.filter((name) => given[name] !== undefined);
  if (scheme !== "rediss") {
    if (named !== undefined) throw unusable(`its setting "${named}" is for TLS: write rediss://`);
    return undefined;
  }
  if ((given.cert === undefined) !== (given.key === undefined)) throw unusable("cert and key go together");
  return {
    ...(given.ca === undefined ? {} : { ca: readPem(given.ca, "ca") }),
    ...(given.cert === undefined ? {} : { cert: readPem(given.cert, "cert") }),
    ...(given.key === undefined ? {} : { key: readPem(given.key, "key") }),
    ...(given.servername === undefined ? {} : { servername: given.servername }),
  };
}

function readPem(file: string, name: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw unusable(`${name}: the file ${JSON.stringify(file)} cannot be read (${reason})`);
  }
}

function readFlag(text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw unusable("cluster is true or false");
}

function readNumber(text: string, what: string, max: number, min = 0): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw unusable(`${what} is a whole number from ${min} to ${max}`);
}

function readSpan(text: string, name: string, msMax: number): number {
  const ms = parseSpan(/^\d{1,9}$/.test(text) ? Number(text) : text, `store: ${name}`, msMax);
  if (ms < 1) throw unusable(`${name} is at least 1 ms`);
  return ms;
}

function unusable(problem: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", `store: the redis URL cannot be used: ${problem}`, {
    details: { fields: [{ path: "store", problem }] },
  });
}

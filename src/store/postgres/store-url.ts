import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

const sslModes = ["disable", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof sslModes)[number];

/** What a URL says of a server and of how to use it. */
export interface StoreAddress {
  /** A name or an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Undefined: as libpq has it, PGUSER or the user of this process. */
  readonly user: string | undefined;
  /** Undefined: PGPASSWORD, or none. */
  readonly password: string | undefined;
  /** All that the store keeps lies in this schema. */
  readonly schema: string;
  readonly poolSize: number;
  readonly connectMs: number;
  /** False: neither LISTEN nor settings of a session, as a pooler of transactions needs it. */
  readonly hints: boolean;
  readonly ssl: {
    readonly mode: SslMode;
    readonly rootCertFile: string | undefined;
    readonly certFile: string | undefined;
    readonly keyFile: string | undefined;
  };
  /** The server, database and schema, without credentials. */
  readonly location: string;
}

const settingNames = [
  "schema",
  "pool_size",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "hints",
  "connect_timeout",
  "host",
] as const;
type SettingName = (typeof settingNames)[number];
type Settings = ReadonlyMap<SettingName, string>;

const poolSizeDefault = 10;
const connectSecondsDefault = 5;
/** Longer names PostgreSQL would cut short by itself; the channel of the news bears the schema's name with a few letters. */
const schemaPattern = /^[a-z_][a-z0-9_]{0,47}$/;

/**
 * Reads `postgres://user:password@host:port/database?setting=value&…` (also `postgresql://`). Settings: `schema`, `pool_size`,
 * `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `hints`, `connect_timeout` (seconds), `host` (the folder of a Unix socket).
 * Throws INVALID_OPTION, never with the password in its text.
 */
export function parseStoreUrl(url: string): StoreAddress {
  const parsed = parse(url);
  const settings = settingsOf(parsed);
  const host = hostOf(parsed, settings);
  const port = parsed.port === "" ? 5432 : Number(parsed.port);
  const user = decoded(parsed.username, "the user");
  const database = decoded(parsed.pathname.replace(/^\//, ""), "the database") ?? user;
  if (database === undefined) throw unusable("it names no database; write postgres://user@host:5432/database");
  if (database.includes("/")) throw unusable(`its path names one database, such as /${database.split("/")[0]}`);
  const schema = schemaOf(settings.get("schema") ?? "conveyor");
  const shownHost = host.includes(":") ? `[${host}]` : host;
  return {
    host,
    port,
    database,
    user,
    password: decoded(parsed.password, "the password"),
    schema,
    poolSize: whole(settings, "pool_size", { min: 1, max: 200, unset: poolSizeDefault }),
    connectMs: 1000 * whole(settings, "connect_timeout", { min: 1, max: 300, unset: connectSecondsDefault }),
    hints: oneOf(settings, "hints", ["on", "off"]) !== "off",
    ssl: sslOf(settings),
    location: `postgres://${shownHost}:${port}/${database}?schema=${schema}`,
  };
}

function parse(url: string): URL {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url);
  } catch {
    throw unusable("it is no URL (special characters in a password are written as %XX)");
  }
  if (parsed.protocol !== "postgres:" && parsed.protocol !== "postgresql:") {
    throw unusable("it does not begin with postgres:// or postgresql://");
  }
  if (parsed.hash !== "") throw unusable("it has a #; within a password write it as %23");
  return parsed;
}

function settingsOf(parsed: URL): Settings {
  const settings = new Map<SettingName, string>();
  for (const [name, value] of parsed.searchParams) {
    const known = settingNames.find((each) => each === name);
    if (known === undefined) {
      throw unusable(`it has an unknown setting ${shown(name)}; there are ${settingNames.join(", ")}`);
    }
    if (settings.has(known)) throw unusable(`it has the setting ${known} twice`);
    if (value === "") throw unusable(`its setting ${known} is empty; leave it out instead`);
    settings.set(known, value);
  }
  return settings;
}

function hostOf(parsed: URL, settings: Settings): string {
  const folder = settings.get("host");
  const named = decoded(parsed.hostname, "the host")?.replace(/^\[(.*)\]$/, "$1");
  if (folder === undefined && named === undefined) {
    throw unusable("it names no host; write postgres://host/database, or ?host=/folder of a Unix socket");
  }
  if (folder !== undefined && !folder.startsWith("/"))
    throw unusable("host as a setting is the folder of a Unix socket");
  if (folder !== undefined && named !== undefined) throw unusable("it names a host twice");
  return folder ?? named ?? "";
}

function schemaOf(name: string): string {
  if (schemaPattern.test(name) && !name.startsWith("pg_") && name !== "information_schema") return name;
  throw unusable(
    `schema is 1 to 48 of a-z, 0-9, '_', begins with a letter or '_', and not with pg_; got ${shown(name)}`,
  );
}

function sslOf(settings: Settings): StoreAddress["ssl"] {
  const mode = oneOf(settings, "sslmode", sslModes) ?? "disable";
  const files = {
    rootCertFile: settings.get("sslrootcert"),
    certFile: settings.get("sslcert"),
    keyFile: settings.get("sslkey"),
  };
  const named = Object.values(files).some((file) => file !== undefined);
  if (mode === "disable" && named)
    throw unusable("it names files for TLS; set sslmode to require, verify-ca or verify-full");
  if ((files.certFile === undefined) !== (files.keyFile === undefined)) {
    throw unusable("sslcert and sslkey are set together or not at all");
  }
  return { mode, ...files };
}

function oneOf<Word extends string>(settings: Settings, name: SettingName, words: readonly Word[]): Word | undefined {
  const value = settings.get(name);
  if (value === undefined) return undefined;
  const word = words.find((each) => each === value);
  if (word === undefined) throw unusable(`${name} is ${words.join(", ")}; got ${shown(value)}`);
  return word;
}

function whole(
  settings: Settings,
  name: SettingName,
  bounds: { readonly min: number; readonly max: number; readonly unset: number },
): number {
  const text = settings.get(name);
  if (text === undefined) return bounds.unset;
  const value = /^[0-9]{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw unusable(`${name} is a whole number from ${bounds.min} to ${bounds.max}; got ${shown(text)}`);
}

function decoded(text: string, what: string): string | undefined {
  if (text === "") return undefined;
  let value: string;
  try {
    value = decodeURIComponent(text);
  } catch {
    throw unusable(`${what} has a % that begins no %XX; write the sign itself as %25`);
  }
  if (value.includes("\0")) throw unusable(`${what} holds a zero byte`);
  return value;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, limits.idCharsMax));
}

/** Without the URL itself: that holds the password. */
function unusable(problem: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", `store: the postgres URL cannot be used: ${problem}`, {
    details: { fields: [{ path: "store", problem }] },
  });
}

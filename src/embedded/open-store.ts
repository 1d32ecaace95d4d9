import { ConveyorError } from "../core/errors.ts";
import { serverDefaults } from "../core/job.ts";
import type { Store, StoreOptions } from "../store/store.ts";

/** `defaults` are the server's own when left out. */
export interface OpenStoreOptions extends Partial<StoreOptions> {
  /** Allows settings that can lose acknowledged jobs. */
  readonly allowLossy?: boolean;
}

/**
 * Opens the store that a URL names: `sqlite:PATH`, `postgres://…`, `redis://…` or `rediss://…` (settings stand in the query, see
 * docs/stores.md), or `:memory:`. A driver is loaded when it is asked for. Throws INVALID_OPTION for any other URL, and what the
 * driver throws; never with a password in the text.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const { allowLossy = false, ...given } = options;
  const store = { defaults: serverDefaults, ...given };
  switch (kindOf(url)) {
    case ":memory:": {
      const { openMemoryStore } = await import("../store/memory/store.ts");
      return openMemoryStore(store);
    }
    case "sqlite:": {
      const { path, synchronous } = parseSqliteUrl(url);
      const { openSqliteStore } = await import("../store/sqlite/store.ts");
      return openSqliteStore(path, { ...store, allowLossy, synchronous });
    }
    case "postgres:":
    case "postgresql:": {
      const { openPostgresStore } = await import("../store/postgres/store.ts");
      return openPostgresStore(url, { ...store, allowLossy });
    }
    case "redis:":
    case "rediss:": {
      const { openRedisStore } = await import("../store/redis/store.ts");
      return openRedisStore(url, { ...store, allowLossy });
    }
    default:
      throw unusable(url, url === "" ? "it is empty" : "it is of no known kind");
  }
}

/** A URL's scheme, or `:memory:`. */
function kindOf(url: string): string {
  return url === ":memory:" ? url : (/^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0].toLowerCase() ?? "");
}

const levels = { full: "FULL", normal: "NORMAL", off: "OFF" } as const;
type Level = (typeof levels)[keyof typeof levels];

function parseSqliteUrl(url: string): { readonly path: string; readonly synchronous: Level } {
  const [, path = "", query = ""] = /^sqlite:([^?]*)(?:\?(.*))?$/is.exec(url) ?? [];
  if (path === "") throw unusable(url, "it names no file");
  const entries = [...new URLSearchParams(query)];
  const unknown = entries.find(([name]) => name !== "synchronous");
  if (unknown !== undefined) throw unusable(url, `it has an unknown setting "${unknown[0]}"`);
  const value = entries.at(-1)?.[1].toLowerCase() ?? "full";
  if (!isLevel(value)) throw unusable(url, "synchronous is full, normal or off");
  return { path, synchronous: levels[value] };
}

function isLevel(value: string): value is keyof typeof levels {
  return Object.hasOwn(levels, value);
}

const known = "sqlite:PATH, postgres://USER@HOST/DATABASE, redis://HOST:PORT, rediss://HOST:PORT or :memory:";

function unusable(url: string, problem: string): ConveyorError {
  return new ConveyorError(
    "INVALID_OPTION",
    `store: ${withoutSecrets(url)} cannot be used: ${problem}; write ${known}`,
    {
      details: { fields: [{ path: "store", problem }] },
    },
  );
}

/** Whatever stands before an @, or in a query, may be a password of a URL that was meant for another kind of store. */
function withoutSecrets(url: string): string {
  const shown = url.replace(/\/\/.*@/s, "//…@").replace(/^((?!sqlite:)[^?]*)\?.*$/is, "$1?…");
  return JSON.stringify(shown.slice(0, 200));
}

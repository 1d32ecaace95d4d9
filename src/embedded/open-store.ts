import { ConveyorError } from "../core/errors.ts";
import { serverDefaults } from "../core/job.ts";
import type { Store, StoreOptions } from "../store/store.ts";

/** `defaults` are the server's own when left out. */
export interface OpenStoreOptions extends Partial<StoreOptions> {
  /** Allows settings that can lose acknowledged jobs in a power cut. */
  readonly allowLossy?: boolean;
}

/**
 * Opens the store that a URL names: `sqlite:PATH`, optionally with `?synchronous=full|normal|off`, or `:memory:`.
 * A driver is loaded when it is asked for. Throws INVALID_OPTION for any other URL, and what the driver throws.
 */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<Store> {
  const { allowLossy = false, ...given } = options;
  const store = { defaults: serverDefaults, ...given };
  if (url === ":memory:") {
    const { openMemoryStore } = await import("../store/memory/store.ts");
    return openMemoryStore(store);
  }
  const [, path = "", query = ""] = /^sqlite:([^?]*)(?:\?(.*))?$/s.exec(url) ?? [];
  if (path === "") throw unusable(url, "it names no store");
  const { openSqliteStore } = await import("../store/sqlite/store.ts");
  return openSqliteStore(path, { ...store, allowLossy, synchronous: synchronousOf(url, query) });
}

const levels = { full: "FULL", normal: "NORMAL", off: "OFF" } as const;

function synchronousOf(url: string, query: string): (typeof levels)[keyof typeof levels] {
  const entries = [...new URLSearchParams(query)];
  const unknown = entries.find(([name]) => name !== "synchronous");
  if (unknown !== undefined) throw unusable(url, `it has an unknown setting "${unknown[0]}"`);
  const value = entries.at(-1)?.[1].toLowerCase() ?? "full";
  if (!isLevel(value)) throw unusable(url, "synchronous is full, normal or off");
  return levels[value];
}

function isLevel(value: string): value is keyof typeof levels {
  return Object.hasOwn(levels, value);
}

function unusable(url: string, problem: string): ConveyorError {
  // Whatever stands before an @ may be a password of a URL that was meant for another kind of store.
  const shown = JSON.stringify(url.replace(/\/\/[^/]*@/, "//…@").slice(0, 200));
  return new ConveyorError(
    "INVALID_OPTION",
    `store: ${shown} cannot be used: ${problem}; write sqlite:PATH, sqlite:PATH?synchronous=full, or :memory:`,
    { details: { fields: [{ path: "store", problem }] } },
  );
}

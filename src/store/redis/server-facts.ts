import type { Client, Reply } from "./client.ts";
import { answerCode } from "./storage-error.ts";

/** What a server says of itself. */
export interface ServerFacts {
  /** Of this run of its process. */
  readonly runId: string;
  readonly version: string;
  readonly isMaster: boolean;
  readonly isCluster: boolean;
  readonly isLoading: boolean;
  readonly replicas: number;
  /** Bytes; 0: no bound. */
  readonly maxMemory: number;
  readonly evictionPolicy: string;
  readonly appendOnly: boolean;
  /** Undefined: the server does not tell (CONFIG is forbidden). */
  readonly appendFsync: string | undefined;
  /** Nothing is put on the disk while the append-only file is rewritten. */
  readonly skipsFsync: boolean;
  /** Settings that could not be looked at. */
  readonly unknown: readonly string[];
}

/** Asks a server what matters for what an acknowledgement means; INFO must be allowed, CONFIG need not. */
export async function readServerFacts(client: Client): Promise<ServerFacts> {
  const info = parseInfo(await client.call("INFO"));
  const appendFsync = await readConfig(client, "appendfsync");
  const evictionPolicy = info.get("maxmemory_policy") ?? (await readConfig(client, "maxmemory-policy"));
  const appendOnly = info.get("aof_enabled") ?? (await readConfig(client, "appendonly"));
  const known = { appendfsync: appendFsync, "maxmemory-policy": evictionPolicy, appendonly: appendOnly };
  return {
    runId: info.get("run_id") ?? "",
    version: info.get("redis_version") ?? "",
    isMaster: (info.get("role") ?? "master") === "master",
    isCluster: info.get("cluster_enabled") === "1",
    isLoading: (info.get("loading") ?? "0") !== "0",
    replicas: Number(info.get("connected_slaves") ?? 0),
    maxMemory: Number(info.get("maxmemory") ?? 0),
    evictionPolicy: evictionPolicy ?? "noeviction",
    appendOnly: appendOnly === undefined || appendOnly === "1" || appendOnly === "yes",
    appendFsync,
    skipsFsync: (await readConfig(client, "no-appendfsync-on-rewrite")) === "yes",
    unknown: Object.entries(known).flatMap(([name, value]) => (value === undefined ? [name] : [])),
  };
}

function parseInfo(reply: Reply): ReadonlyMap<string, string> {
  const lines = textOf(reply).split(/\r?\n/);
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const split = line.indexOf(":");
      return line.startsWith("#") || split < 0 ? [] : [[line.slice(0, split), line.slice(split + 1)]];
    }),
  );
}

/** Undefined where CONFIG is forbidden, renamed or does not know the name: managed servers often do so. */
async function readConfig(client: Client, name: string): Promise<string | undefined> {
  try {
    const reply = await client.call("CONFIG", "GET", name);
    const value = Array.isArray(reply) ? reply[1] : undefined;
    return value === undefined ? undefined : textOf(value);
  } catch (error) {
    if (["NOPERM", "ERR"].includes(answerCode(error))) return undefined;
    throw error;
  }
}

/** A reply that must be a text. */
export function textOf(reply: Reply | undefined): string {
  if (reply instanceof Uint8Array) return Buffer.from(reply.buffer, reply.byteOffset, reply.byteLength).toString();
  if (typeof reply === "number") return String(reply);
  throw new Error("the server answered no text where one must be");
}

import type { ConveyorError } from "../../core/errors.ts";
import type { ServerFacts } from "./server-facts.ts";
import { storeError } from "./storage-error.ts";
import type { RedisSettings } from "./store-url.ts";

const versionMin = [6, 2] as const;

export interface CheckOptions {
  readonly settings: RedisSettings;
  /** Allows settings that can lose acknowledged jobs. */
  readonly allowLossy: boolean;
  /** The store's, or on a cluster the one server's. */
  readonly location: string;
}

/** Why this server cannot be used; undefined: it can. */
export function serverProblem(facts: ServerFacts, options: CheckOptions): ConveyorError | undefined {
  const { settings, location } = options;
  if (!isNewEnough(facts.version)) {
    const text = `runs Redis ${facts.version}, and Conveyor needs ${versionMin.join(".")} or later: update the server`;
    return storeError("STORE_TOO_OLD", location, text);
  }
  if (facts.isLoading) return storeError("STORE_UNAVAILABLE", location, "is loading its data");
  if (!facts.isMaster) {
    return storeError(
      "STORE_READ_ONLY",
      location,
      "is a replica, which takes no writes: give the address of its master",
    );
  }
  if (facts.isCluster && !settings.isCluster) {
    return storeError("INVALID_OPTION", location, "is a server of a cluster: add cluster=true to the URL");
  }
  if (!facts.isCluster && settings.isCluster) {
    return storeError("INVALID_OPTION", location, "is no server of a cluster: leave cluster=true out of the URL");
  }
  const [loss] = lossesOf(facts);
  if (loss === undefined || options.allowLossy) return undefined;
  return storeError("STORE_LOSSY", location, `can lose acknowledged jobs: ${loss}; or allow it with --allow-lossy`);
}

/** What an acknowledgement means with these settings of all servers, in one line. */
export function durabilityOf(all: readonly ServerFacts[], settings: RedisSettings): string {
  const [loss] = all.flatMap(lossesOf);
  const base = loss === undefined ? fsyncText(all) : `can lose acknowledged jobs: ${loss}`;
  const unknown = [...new Set(all.flatMap((facts) => facts.unknown))].filter((name) => name !== "appendfsync");
  return [
    base,
    unknown.length > 0 ? `could not look at ${unknown.join(", ")}` : "",
    settings.wait > 0 ? `and ${settings.wait} ${settings.wait === 1 ? "replica has" : "replicas have"} it` : "",
    settings.wait === 0 && all.some((facts) => facts.replicas > 0)
      ? "a failover to a replica can lose the last moments (see wait=)"
      : "",
  ]
    .filter((part) => part !== "")
    .join("; ");
}

function fsyncText(all: readonly ServerFacts[]): string {
  const modes = new Set(all.map((facts) => facts.appendFsync));
  if (modes.has(undefined)) {
    return "in the server's append-only file; whether a power cut can lose the last second (appendfsync) it does not tell";
  }
  if (modes.has("everysec")) {
    return "survives a crash of the server; a power cut can lose about the last second (AOF, appendfsync=everysec)";
  }
  if (all.some((facts) => facts.skipsFsync)) {
    return "a power cut can lose what came while the AOF was rewritten (set no-appendfsync-on-rewrite no; appendfsync=always)";
  }
  return "every acknowledged change is on the server's disk (AOF, appendfsync=always)";
}

/** What can lose acknowledged jobs, each with what to set. */
function lossesOf(facts: ServerFacts): readonly string[] {
  const losses: string[] = [];
  if (!facts.appendOnly) losses.push("its append-only file is off (set appendonly yes)");
  else if (facts.appendFsync === "no") losses.push("it leaves the disk to chance (set appendfsync always or everysec)");
  if (facts.maxMemory > 0 && facts.evictionPolicy !== "noeviction") {
    losses.push(
      `it drops keys when its memory is full (set maxmemory-policy noeviction, it is ${facts.evictionPolicy})`,
    );
  }
  return losses;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1]);
}

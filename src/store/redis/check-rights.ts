import type { ConveyorError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";
import { storeError } from "./storage-error.ts";

/** Throws STORE_DENIED with the names of the commands that the user may not use, on any shard. */
export async function checkRights(connection: Connection, location: string): Promise<void> {
  const shards = Array.from({ length: connection.shards }, (_, shard) => shard);
  const answers = await Promise.all(shards.map((shard) => connection.run({ script: "probe", shard, args: [] })));
  const refused = answers.flatMap(refusedIn);
  if (refused.length > 0) throw rightsProblem(refused, connection.namespace, location);
}

/** The commands that an answer of probe.lua names. */
export function refusedIn(answer: Uint8Array): readonly string[] {
  return Buffer.from(answer)
    .toString()
    .split(" ")
    .filter((name) => name !== "");
}

export function rightsProblem(refused: readonly string[], namespace: string, location: string): ConveyorError {
  const names = [...new Set(refused)].join(", ");
  const text = `refuses its user these commands on {${namespace}:…}: ${names}; allow them with ACL SETUSER`;
  return storeError("STORE_DENIED", location, text);
}

import type { Connection } from "./connection.ts";
import { storeError } from "./storage-error.ts";

/** Throws STORE_DENIED with the names of the commands that the user may not use, on any shard. */
export async function checkRights(connection: Connection, location: string): Promise<void> {
  const shards = Array.from({ length: connection.shards }, (_, shard) => shard);
  const answers = await Promise.all(shards.map((shard) => connection.run({ script: "probe", shard, args: [] })));
  const refused = new Set(answers.flatMap((answer) => answer.toString().split(" ")).filter((name) => name !== ""));
  if (refused.size === 0) return;
  const names = [...refused].join(", ");
  const text = `refuses its user these commands on {${connection.namespace}:…}: ${names}; allow them with ACL SETUSER`;
  throw storeError("STORE_DENIED", location, text);
}

import type { Connection, ReadScript } from "./connection.ts";
import { type Packable, pack, type Unpacked, unpack } from "./msgpack.ts";

/** Runs a script that reads on one shard: a packed request, a packed answer. */
export async function ask(
  connection: Connection,
  shard: number,
  script: ReadScript,
  request: Packable = false,
): Promise<Unpacked> {
  return unpack(await connection.run({ script, shard, args: [pack(request)] }));
}

/** As `ask` on every shard at once, answers at the index of their shard. */
export function askAll(connection: Connection, script: ReadScript, request: Packable = false): Promise<Unpacked[]> {
  return Promise.all(Array.from({ length: connection.shards }, (_, shard) => ask(connection, shard, script, request)));
}

import type { ServerDefaults } from "../../core/job.ts";
import type { Connection, WriteScript } from "./connection.ts";
import { type Packable, pack, type Unpacked, unpack } from "./msgpack.ts";

/** What the verbs that write have at hand. */
export interface Writing {
  readonly connection: Connection;
  readonly defaults: ServerDefaults;
  /** `callContext(defaults)` */
  readonly context: Buffer;
  /** Numbers of the tries that this process makes of its claims and resumes; each higher than the one before. */
  readonly tries: () => number;
}

/** Runs a script on one shard: a packed request, a packed answer. `again`: what to ask when an earlier try may have been executed. */
export async function write(
  { connection, context }: Writing,
  call: {
    readonly script: WriteScript;
    readonly shard: number;
    readonly request: Packable;
    readonly again?: () => Packable;
  },
): Promise<Unpacked> {
  const { script, shard, request, again } = call;
  const args = (asked: Packable): readonly (string | Uint8Array)[] => [
    context,
    typeof asked === "number" ? String(asked) : pack(asked),
    connection.identity,
  ];
  return unpack(
    await connection.run({
      script,
      shard,
      args: args(request),
      ...(again === undefined ? {} : { argsAgain: () => args(again()) }),
    }),
  );
}

/** As `write` on every shard at once; answers at the index of their shard. */
export function writeAll(
  writing: Writing,
  script: WriteScript,
  requestOf: (shard: number) => Packable,
): Promise<readonly Unpacked[]> {
  return Promise.all(shardsOf(writing).map((shard) => write(writing, { script, shard, request: requestOf(shard) })));
}

export function shardsOf({ connection }: Pick<Writing, "connection">): readonly number[] {
  return Array.from({ length: connection.shards }, (_, shard) => shard);
}

import type { Engine } from "../engine.ts";
import { sqliteEngine } from "../engines/sqlite.ts";
import type { FaultyEngine } from "./fault.ts";

/** The stores that are played in lockstep with the model. */
export type StageName = "sqlite" | "postgres" | "redis";

/** Where sequences are played: an engine, and its server's troubles where it has one. */
export interface Stage {
  readonly engine: Engine;
  readonly faulty: FaultyEngine | undefined;
  close(): Promise<void>;
}

export async function openStage(name: StageName): Promise<Stage> {
  switch (name) {
    case "sqlite":
      return { engine: sqliteEngine({ synchronous: "off" }), faulty: undefined, close: async () => undefined };
    // Their drivers are loaded on use, as a broker does it.
    case "postgres":
      return faultyStage(await (await import("./faulty-postgres.ts")).faultyPostgres());
    case "redis":
      return faultyStage(await (await import("./faulty-redis.ts")).faultyRedis());
    default:
      return name satisfies never;
  }
}

function faultyStage(faulty: FaultyEngine): Stage {
  return { engine: faulty.engine, faulty, close: () => faulty.close() };
}

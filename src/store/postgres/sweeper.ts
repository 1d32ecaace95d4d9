import type { Connection } from "./connection.ts";

/** Clears away what claims leave behind, in the background. */
export interface Sweeper {
  /** So many jobs have left the ready, due or leased rows. */
  moved(jobs: number): void;
}

/**
 * Rows of `ready` die where the next claim begins to read. The server's own vacuum comes once a minute at most, and till then each
 * claim reads past all that died, a hundred thousand jobs or more: so a broker that moves many vacuums these small tables itself.
 */
const movedMax = 20_000;
/** At most one part in so many of the time goes into it: over a long queue it takes longer. */
const restFactor = 20;

// No truncating: that would lock claims out for a moment.
const vacuum = (schema: string): string =>
  `VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) ${schema}.ready, ${schema}.due, ${schema}.leased`;

export function createSweeper(connection: Connection): Sweeper {
  let moved = 0;
  let isSweeping = false;
  let restsUntil = 0;

  async function sweep(): Promise<void> {
    const startedAt = performance.now();
    await connection.write(() => ({ text: vacuum(connection.schema), values: [] }));
    const endedAt = performance.now();
    restsUntil = endedAt + (endedAt - startedAt) * restFactor;
  }

  return {
    moved(jobs) {
      moved += jobs;
      if (moved < movedMax || isSweeping || performance.now() < restsUntil) return;
      moved = 0;
      isSweeping = true;
      // Whatever keeps it from being done, the server's own vacuum does it later.
      sweep().then(
        () => {
          isSweeping = false;
        },
        () => {
          isSweeping = false;
        },
      );
    },
  };
}

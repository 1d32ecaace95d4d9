/** Work in the background that someone owns. */
export interface Service {
  /** Resolves when it works; throws when it cannot, and then nothing of it is left running. */
  start(): Promise<void>;
  /** Resolves when nothing of it runs any more; may be called at any time and more than once. */
  stop(): Promise<void>;
}

/** Many services as one: started in order, stopped in reverse; a failed start stops what had started. */
export function together(services: readonly Service[]): Service {
  async function stop(): Promise<void> {
    for (const each of services.toReversed()) await each.stop();
  }
  return {
    async start() {
      try {
        for (const each of services) await each.start();
      } catch (error) {
        await stop();
        throw error;
      }
    },
    stop,
  };
}

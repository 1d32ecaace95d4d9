import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import { type Launch, launch, type Running } from "./launch.ts";
import type { TestServer } from "./test-server.ts";

/** What is particular to one kind of server. */
export interface ServerProcess {
  readonly launchAt: (port: number) => Launch;
  readonly url: (port: number) => string;
  readonly stopSignal: NodeJS.Signals;
  /** What a start may fail with that is over in a moment. */
  readonly passing: RegExp;
  /** Removes what was made for it. */
  readonly remove: () => void;
  /** A port to try where none was asked for. */
  readonly findPort?: () => Promise<number>;
}

const portsTried = 5;
const passingMsMax = 20_000;
const taken = /address already in use|could not bind|bind: |failed listening/i;

/** Starts the server at `port`, or at a free one, and keeps what is needed to start it again. */
export async function supervise(server: ServerProcess, port: number | undefined): Promise<TestServer> {
  let running: Running | undefined;
  let at = port ?? 0;
  try {
    for (let left = portsTried; running === undefined; left -= 1) {
      if (port === undefined) at = await (server.findPort ?? freePort)();
      running = await launch(server.launchAt(at)).catch((error: Error) => {
        if (port !== undefined || left <= 1 || !taken.test(error.message)) throw error;
        return undefined;
      });
    }
  } catch (error) {
    server.remove();
    throw error;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = running;
    running = undefined;
    await ending?.end(signal);
  }

  return {
    url: server.url(at),
    port: at,
    get pid() {
      return running?.pid ?? 0;
    },
    async stop() {
      await end(server.stopSignal);
      server.remove();
    },
    kill: () => end("SIGKILL"),
    async restart() {
      await end(server.stopSignal);
      running = await launchPatiently(server, at);
    },
  };
}

async function launchPatiently(server: ServerProcess, port: number): Promise<Running> {
  for (const until = performance.now() + passingMsMax; ; ) {
    try {
      return await launch(server.launchAt(port));
    } catch (error) {
      const { message } = error as Error; // launch throws nothing else
      const passing = server.passing.test(message) || taken.test(message);
      if (!passing || performance.now() > until) throw error;
    }
    await pause(100);
  }
}

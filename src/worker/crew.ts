import type { Clock } from "../runtime/clock.ts";
import type { Security } from "../wire/credentials.ts";
import { createTypeLookup } from "../wire/job-type.ts";
import { createChildPages } from "./child-pages.ts";
import { createChildReader } from "./child-reader.ts";
import type { HandledType } from "./handled-type.ts";
import { attemptOf } from "./held-lease.ts";
import type { WorkerIdentity } from "./hello.ts";
import type { Hooks } from "./hooks.ts";
import { AttemptContext } from "./job-context.ts";
import { createOutbox } from "./outbox.ts";
import { createSession } from "./session.ts";
import { createSlots } from "./slots.ts";
import { createWindow } from "./window.ts";

/** The parts of a running worker, put together. */
export interface Crew {
  run(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
  /** Lets go of timers and channels; after `run` has ended. */
  end(): void;
}

export interface CrewOptions {
  readonly addresses: readonly string[];
  readonly security: Security;
  readonly identity: WorkerIdentity;
  readonly types: ReadonlyMap<string, HandledType>;
  readonly window: number | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly hooks: Hooks;
}

export function createCrew(options: CrewOptions): Crew {
  const { addresses, security, identity, types, clock, random, hooks } = options;
  const typeOf = createTypeLookup();
  const pages = createChildPages({ addresses, security, random });
  const reader = createChildReader({ list: pages.list, typeOf });
  const outbox = createOutbox();
  const window = createWindow({ concurrency: identity.concurrency, fixed: options.window });
  const slots = createSlots({
    concurrency: identity.concurrency,
    clock,
    typeOf: (name) => types.get(name),
    contextOf: (type, delivery) => new AttemptContext({ delivery, type, typeOf, reader }),
    onStarting: (leaseIds) => session.starting(leaseIds),
    onFailure: (lease, error) => hooks.error(error, { kind: "handler", ...attemptOf(lease.delivery) }),
    onRoom: () => session.roomChanged(),
    onEnded(lease, elapsedMs) {
      if (elapsedMs !== undefined) window.observe(elapsedMs);
      if (lease.result !== undefined) outbox.add(lease.result);
      session.resultReady();
    },
  });
  const session = createSession({ addresses, security, identity, clock, random, hooks, slots, outbox, window });
  return {
    run: session.run,
    stop: session.stop,
    end() {
      slots.end();
      pages.close();
    },
  };
}

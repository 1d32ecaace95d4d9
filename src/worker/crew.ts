import type { Clock } from "../runtime/clock.ts";
import type { Security } from "../wire/credentials.ts";
import { createTypeLookup } from "../wire/job-type.ts";
import { createCargo } from "./cargo.ts";
import { createChildPages } from "./child-pages.ts";
import { createChildReader } from "./child-reader.ts";
import type { HandledType } from "./handled-type.ts";
import { healthOf, type WorkerHealth } from "./health.ts";
import { attemptOf } from "./held-lease.ts";
import type { WorkerIdentity } from "./hello.ts";
import type { Hooks } from "./hooks.ts";
import { AttemptContext } from "./job-context.ts";
import { createOutbox } from "./outbox.ts";
import { createProgressPost } from "./progress-post.ts";
import { createSession } from "./session.ts";
import { createSlots } from "./slots.ts";
import { createStaging } from "./staging.ts";
import { createWindow } from "./window.ts";

/** The parts of a running worker, put together. */
export interface Crew {
  run(): Promise<void>;
  stop(deadlineMs: number): Promise<void>;
  readonly health: WorkerHealth;
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
  /** The broker wants the worker to leave. */
  readonly onDismissed: () => void;
}

export function createCrew(options: CrewOptions): Crew {
  const { addresses, security, identity, types, clock, random, hooks } = options;
  const typeOf = createTypeLookup();
  const pages = createChildPages({ addresses, security, random });
  const reader = createChildReader({ list: pages.list, typeOf });
  const outbox = createOutbox();
  const onReady = () => session.cargoReady();
  const staging = createStaging({ onReady });
  const post = createProgressPost({ clock, onReady });
  const cargo = createCargo({ outbox, post, staging });
  const line = { stage: staging.open, tell: post.tell, close: post.ended };
  const window = createWindow({ concurrency: identity.concurrency, fixed: options.window });
  const slots = createSlots({
    concurrency: identity.concurrency,
    clock,
    typeOf: (name) => types.get(name),
    contextOf: (type, delivery) => new AttemptContext({ delivery, type, typeOf, reader, line }),
    onStarting: (leaseIds) => session.starting(leaseIds),
    onRun(lease) {
      if (hooks.hears("onJobStarted")) hooks.tell("onJobStarted", attemptOf(lease.delivery));
    },
    onFailure(lease, error) {
      const attempt = attemptOf(lease.delivery);
      hooks.error(error, { kind: "handler", ...attempt });
      hooks.tell("onJobFailed", attempt, error);
    },
    onRoom: () => session.roomChanged(),
    onEnded(lease, elapsedMs) {
      if (elapsedMs !== undefined) {
        window.observe(elapsedMs);
        const isWell = lease.result?.outcome.case === "success";
        if (isWell && hooks.hears("onJobSucceeded")) hooks.tell("onJobSucceeded", attemptOf(lease.delivery), elapsedMs);
      }
      if (lease.result !== undefined) outbox.add(lease.result);
      session.cargoReady();
    },
  });
  const onStageAck = staging.acknowledged;
  const session = createSession({
    addresses,
    security,
    identity,
    clock,
    random,
    hooks,
    slots,
    cargo,
    onStageAck,
    window,
    onDismissed: options.onDismissed,
  });
  return {
    run: session.run,
    stop: session.stop,
    get health() {
      return healthOf(hooks.last ?? "idle", session.line, slots);
    },
    end() {
      slots.end();
      post.clear();
      pages.close();
    },
  };
}

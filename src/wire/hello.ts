import type { Hello, Resume, Subscription as WireSubscription } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import {
  groupType,
  type LeaseId,
  parsePrintable,
  parseQueueName,
  parseTypeName,
  type QueueName,
  type SessionId,
  type TypeName,
} from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdFromWire } from "./lease-id.ts";
import { checkedDurationMs } from "./time.ts";
import { type Window, windowFromWire } from "./window.ts";

/** What a worker says of itself in the first frame. */
export interface WorkerHello {
  readonly protocolVersion: number;
  readonly capabilities: readonly string[];
  readonly worker: string;
  readonly instanceId: string;
  readonly concurrency: number;
  readonly subscriptions: readonly Subscription[];
  readonly resume: ResumedSession | undefined;
  readonly window: Window;
  readonly schemaIds: Readonly<Record<string, string>>;
}

/** What a worker takes jobs of. */
export interface Subscription {
  readonly queue: QueueName;
  readonly types: readonly TypeName[];
  /** Infinity: only the window bounds it. */
  readonly jobsMax: number;
}

export interface ResumedSession {
  readonly sessionId: SessionId;
  readonly held: readonly {
    readonly leaseId: LeaseId;
    /** How long its handler has been running; undefined while it is buffered and after it ended. */
    readonly elapsedMs: number | undefined;
    readonly buffered: boolean;
  }[];
}

const protocolVersion = 1;
const capabilitiesMax = 64;

/** Checks the first frame: FRAME_INVALID for another protocol version, INVALID_OPTION for counts, INVALID_NAME for names. */
export function helloToDomain(hello: Hello, path = "hello"): WorkerHello {
  if (hello.protocolVersion !== protocolVersion) {
    const problem = `this broker speaks version ${protocolVersion}, got ${hello.protocolVersion}`;
    throw invalidField("FRAME_INVALID", `${path}.protocol_version`, problem);
  }
  checkCount(hello.capabilities.length, 0, capabilitiesMax, `${path}.capabilities`);
  checkCount(hello.concurrency, 1, limits.concurrencyMax, `${path}.concurrency`);
  const subscriptions = subscriptionsFromWire(hello.subscriptions, `${path}.subscriptions`);
  return {
    protocolVersion,
    capabilities: hello.capabilities,
    worker: workerNameFromWire(hello.worker, `${path}.worker`),
    instanceId:
      hello.instanceId === "" ? "" : parsePrintable(hello.instanceId, `${path}.instance_id`, "an instance id"),
    concurrency: hello.concurrency,
    subscriptions,
    resume: hello.resume && resumeOf(hello.resume, `${path}.resume`),
    window: hello.capacity ? windowFromWire(hello.capacity, `${path}.capacity`) : noWindow,
    schemaIds: hello.schemaIds,
  };
}

/** At least one, each of a queue of its own; INVALID_OPTION or INVALID_NAME. */
export function subscriptionsFromWire(wire: readonly WireSubscription[], path: string): readonly Subscription[] {
  checkCount(wire.length, 1, limits.subscriptionsMax, path);
  const subscriptions = wire.map((each, index) => subscriptionOf(each, `${path}[${index}]`));
  const twice = subscriptions.find(
    (each, index) => subscriptions.findIndex((other) => other.queue === each.queue) < index,
  );
  if (twice) throw invalidField("INVALID_OPTION", path, `the queue ${twice.queue} is named twice`);
  return subscriptions;
}

/** May be empty. */
export function workerNameFromWire(name: string, path: string): string {
  return name === "" ? "" : parsePrintable(name, path, "a worker's name");
}

/** Nothing is delivered before the first Capacity. */
const noWindow: Window = { seq: 0n, jobsMax: 0, bytesMax: Number.POSITIVE_INFINITY };

function subscriptionOf(subscription: WireSubscription, path: string): Subscription {
  checkCount(subscription.types.length, 1, limits.subscriptionTypesMax, `${path}.types`);
  const types = new Set(subscription.types.map((type, index) => parseTypeName(type, `${path}.types[${index}]`)));
  if (types.has(groupType)) throw invalidField("INVALID_OPTION", `${path}.types`, `${groupType} has no work to do`);
  const { maxInFlight } = subscription;
  if (maxInFlight !== undefined) checkCount(maxInFlight, 0, limits.windowJobsMax, `${path}.max_in_flight`);
  return {
    queue: parseQueueName(subscription.queue, `${path}.queue`),
    types: [...types],
    jobsMax: maxInFlight ?? Number.POSITIVE_INFINITY,
  };
}

function resumeOf(resume: Resume, path: string): ResumedSession {
  return {
    sessionId: parsePrintable(resume.sessionId, `${path}.session_id`, "a session id") as SessionId,
    held: resume.held.map(({ leaseId, elapsed, buffered }, index) => {
      const at = `${path}.held[${index}]`;
      return {
        leaseId: leaseIdFromWire(leaseId, `${at}.lease_id`),
        elapsedMs: elapsed && checkedDurationMs(elapsed, { path: `${at}.elapsed`, msMax: limits.delayMsMax }),
        buffered,
      };
    }),
  };
}

/** INVALID_OPTION unless it is within the bounds. */
export function checkCount(count: number, min: number, max: number, path: string): void {
  if (count < min || count > max)
    throw invalidField("INVALID_OPTION", path, `it must be ${min} to ${max}, got ${count}`);
}

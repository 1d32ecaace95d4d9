import type { BackoffPolicy } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { AskedOptions } from "../../core/precedence.ts";
import { backoffKindOf } from "../codes.ts";
import { listOf, numberOf, textOf, unpack } from "./msgpack.ts";

/** A job's record: the codes and numbers of what claim and settle touch. 0 stands for none where nothing else is said. */
export interface JobRecord {
  readonly state: number;
  readonly run: number;
  /** Kind of outcome that the worker of the newest lease sent; 0: none yet, or the lease was taken. */
  readonly sent: number;
  /** What history says of it; while it runs 1 = children are staged under its lease, else 0. */
  readonly recorded: number;
  readonly edgeFlipped: boolean;
  readonly propagateDue: boolean;
  /** Reason of a cancel that was requested and is not yet done. */
  readonly cancel: number;
  readonly version: number;
  readonly attempt: number;
  /** Number of the session that got the newest lease. */
  readonly session: number;
  readonly updatedAt: number;
  readonly claimedAt: number;
  readonly ranAt: number;
  readonly finishedAt: number;
  readonly hold: number;
  readonly role: number;
  readonly policy: number;
  readonly trigger: number;
  readonly asResult: boolean;
  readonly depth: number;
  /** It has a barrier. */
  readonly below: boolean;
  /** Why its own run ended badly, also before it is terminal. */
  readonly reason: number;
  readonly lane: number;
  readonly priority: number;
  readonly epoch: number;
  readonly payloadBytes: number;
  readonly runAt: number;
  readonly createdAt: number;
  /** Job number; 0 for a root. */
  readonly parent: number;
  /** Job number; its own for a root. */
  readonly root: number;
  readonly id: JobId;
  /** Nonce of the newest lease. */
  readonly nonce: string;
  readonly failures: number;
  readonly crashes: number;
  readonly snoozes: number;
  readonly releases: number;
  /** Counts from the release of a held job; -1: none. */
  readonly delayMs: number;
  readonly options: AskedOptions;
  readonly problem: string | undefined;
  readonly fingerprint: string | undefined;
  /** Number of the job whose own result is this one's. */
  readonly resultOf: number;
  /** Its cancelling takes every heir below with it. */
  readonly cancelHeirs: boolean;
}

const format = 1;

/**
 * Reads a record. Layout, little-endian: bytes format, state, run, sent, recorded, edge flipped, propagate due, cancel; uint32
 * version, attempt, session; float64 updated at, claimed at, ran at, finished at; bytes hold, role, policy, trigger, as result,
 * depth, below, reason; uint32 lane, int32 priority, uint32 epoch, payload bytes; float64 run at, created at, parent, root; one
 * byte length and the id, one byte length and the nonce; then nothing (all as it begins) or packed [failures, crashes, snoozes, releases, delay ms or -1,
 * [max attempts, time-out ms, back-off], problem, fingerprint, result of] and maybe [.., cancel heirs 0|1, the time
 * that a job was to start at when it was pulled forward].
 */
export function readRecord(bytes: Buffer): JobRecord {
  if (bytes[0] !== format) throw new Error(`a job record has the unknown format ${bytes[0]}`);
  const idEnd = 109 + bytes.readUInt8(108);
  const nonceEnd = idEnd + 1 + bytes.readUInt8(idEnd);
  return {
    state: bytes.readUInt8(1),
    run: bytes.readUInt8(2),
    sent: bytes.readUInt8(3),
    recorded: bytes.readUInt8(4),
    edgeFlipped: bytes.readUInt8(5) === 1,
    propagateDue: bytes.readUInt8(6) === 1,
    cancel: bytes.readUInt8(7),
    version: bytes.readUInt32LE(8),
    attempt: bytes.readUInt32LE(12),
    session: bytes.readUInt32LE(16),
    updatedAt: bytes.readDoubleLE(20),
    claimedAt: bytes.readDoubleLE(28),
    ranAt: bytes.readDoubleLE(36),
    finishedAt: bytes.readDoubleLE(44),
    hold: bytes.readUInt8(52),
    role: bytes.readUInt8(53),
    policy: bytes.readUInt8(54),
    trigger: bytes.readUInt8(55),
    asResult: bytes.readUInt8(56) === 1,
    depth: bytes.readUInt8(57),
    below: bytes.readUInt8(58) === 1,
    reason: bytes.readUInt8(59),
    lane: bytes.readUInt32LE(60),
    priority: bytes.readInt32LE(64),
    epoch: bytes.readUInt32LE(68),
    payloadBytes: bytes.readUInt32LE(72),
    runAt: bytes.readDoubleLE(76),
    createdAt: bytes.readDoubleLE(84),
    parent: bytes.readDoubleLE(92),
    root: bytes.readDoubleLE(100),
    // Names in the store were checked before they were stored.
    id: bytes.toString("latin1", 109, idEnd) as JobId,
    nonce: bytes.toString("latin1", idEnd + 1, nonceEnd),
    ...readTail(bytes.subarray(nonceEnd)),
  };
}

type Tail = Pick<
  JobRecord,
  | "failures"
  | "crashes"
  | "snoozes"
  | "releases"
  | "delayMs"
  | "options"
  | "problem"
  | "fingerprint"
  | "resultOf"
  | "cancelHeirs"
>;

const unasked: AskedOptions = { maxAttempts: undefined, backoff: undefined, timeoutMs: undefined };

const emptyTail: Tail = {
  failures: 0,
  crashes: 0,
  snoozes: 0,
  releases: 0,
  delayMs: -1,
  options: unasked,
  problem: undefined,
  fingerprint: undefined,
  resultOf: 0,
  cancelHeirs: false,
};

function readTail(bytes: Buffer): Tail {
  if (bytes.length === 0) return emptyTail;
  const [failures, crashes, snoozes, releases, delayMs, options, problem, fingerprint, resultOf, cancelHeirs] = listOf(
    unpack(bytes),
  );
  return {
    failures: numberOf(failures),
    crashes: numberOf(crashes),
    snoozes: numberOf(snoozes),
    releases: numberOf(releases),
    delayMs: numberOf(delayMs),
    options: options === false ? unasked : readOptions(listOf(options)),
    problem: problem === false ? undefined : textOf(problem),
    fingerprint: fingerprint === false ? undefined : textOf(fingerprint),
    resultOf: numberOf(resultOf),
    cancelHeirs: cancelHeirs === 1,
  };
}

function readOptions([maxAttempts, timeoutMs, backoff]: readonly unknown[]): AskedOptions {
  return {
    maxAttempts: maxAttempts === false ? undefined : numberOf(maxAttempts),
    timeoutMs: timeoutMs === false ? undefined : numberOf(timeoutMs),
    backoff: readBackoff(backoff),
  };
}

/** Reads a packed back-off policy; undefined: none. */
export function readBackoff(packed: unknown): BackoffPolicy | undefined {
  if (packed === false || packed === undefined) return undefined;
  const [kind, initialMs, maxMs, multiplier, jitter] = listOf(packed);
  return {
    kind: backoffKindOf(numberOf(kind)),
    initialMs: numberOf(initialMs),
    maxMs: numberOf(maxMs),
    multiplier: numberOf(multiplier),
    jitter: numberOf(jitter),
  };
}

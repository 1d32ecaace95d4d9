import type { Result } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { cutError } from "../../core/error-text.ts";
import { isConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { LeaseId } from "../../core/names.ts";
import type { SettleItem } from "../../store/commit.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { type EndedAttempt, resultToOutcome } from "../../wire/result-to-outcome.ts";
import { settleAnswerToAck } from "../../wire/settle-answer-to-ack.ts";
import type { Gate } from "../gate.ts";
import { settleBytes } from "../weights.ts";
import { admitNodes } from "./admit-nodes.ts";
import type { HeldLease, HeldLeases } from "./held-leases.ts";
import type { Outbox } from "./outbox.ts";
import type { SessionContext } from "./session-context.ts";
import { settleUnheld, settleUntilDurable } from "./settler.ts";

/** Takes results in, has them settled, and acknowledges each when that is durable. */
export interface ResultDesk {
  /**
   * Frees the slots of these results at once and answers their leases. Throws FRAME_INVALID or INVALID_NAME, and then none was taken.
   */
  take(results: readonly Result[], leases: HeldLeases): readonly HeldLease[];
  /** More results wait for the store, of all sessions, than this broker wants to hold: read no more for now. */
  readonly full: boolean;
  /** Has `onRoom` called once, when it is full no longer. */
  awaitRoom(): void;
  /** Resolves when every result that was taken is settled. */
  idle(): Promise<unknown>;
}

/** What a result takes beside its own bytes, roughly. */
const overheadBytes = 1_024;

export function createResultDesk(options: {
  readonly principal: string;
  readonly outbox: Outbox;
  readonly context: SessionContext;
  readonly signal: AbortSignal;
  readonly onRoom: () => void;
  /** What came for a lease before its result and must be stored first. */
  readonly before: (leaseId: LeaseId) => readonly (Promise<unknown> | undefined)[];
}): ResultDesk {
  const { principal, outbox, context, signal } = options;
  const { store, committer, logger } = context;
  const settling = { store, committer, logger, signal, principal };
  const waiting = new Set<Promise<void>>();
  const { room } = context;
  signal.addEventListener("abort", () => room.leave(options.onRoom), { once: true });

  function take(results: readonly Result[], leases: HeldLeases): readonly HeldLease[] {
    if (results.length > limits.resultsPerFrameMax) {
      const problem = `at most ${limits.resultsPerFrameMax} in one frame, got ${results.length}`;
      throw invalidField("FRAME_INVALID", "results.results", problem);
    }
    const source = context.sourceFor(principal);
    const ended = results.map((result, index) => {
      // A lease id of the worker's: the store alone knows whether it lives.
      const jobType = leases.get(result.leaseId as HeldLease["leaseId"])?.type;
      const at = { ...source, path: `results.results[${index}]` };
      return admitted(resultToOutcome(result, jobType, at), { gate: context.gate, principal });
    });
    return ended.flatMap((each) => {
      const held = leases.remove(each.leaseId);
      settle(each, held !== undefined);
      return held ?? [];
    });
  }

  function settle(ended: EndedAttempt, held: boolean): void {
    const item: SettleItem = { ...ended, jitter: context.ids.random() };
    const bytes = settleBytes(item) + overheadBytes;
    room.take(bytes);
    const before = options.before(item.leaseId).filter((each) => each !== undefined);
    const send = () => (held ? settleUntilDurable : settleUnheld)(item, settling);
    const work = (before.length === 0 ? send() : Promise.all(before).then(send)).then((answer) => {
      waiting.delete(work);
      room.free(bytes);
      if (answer !== undefined && !signal.aborted) outbox.ack(settleAnswerToAck(item.leaseId, answer));
    });
    waiting.add(work);
  }

  return {
    take,
    get full() {
      return room.full;
    },
    awaitRoom() {
      if (!signal.aborted) room.wait(options.onRoom);
    },
    idle: () => Promise.all(waiting),
  };
}

/** What a result declares must be allowed, or the attempt has failed. */
export function admitted(
  ended: EndedAttempt,
  { gate, principal }: { readonly gate: Gate; readonly principal: string },
): EndedAttempt {
  if (ended.outcome.kind !== "success" || ended.outcome.nodes.length === 0) return ended;
  try {
    admitNodes(gate, principal, ended.outcome.nodes);
    return ended;
  } catch (error) {
    if (!isConveyorError(error)) throw error;
    const recorded = cutError({ name: error.code, message: error.message, stack: "" });
    return { ...ended, outcome: { kind: "failure", error: recorded, timedOut: false }, problem: error.code };
  }
}

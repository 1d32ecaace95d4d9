import type { ErrorCode } from "../../../src/core/errors.ts";
import type { NewNode, Outcome, OutcomeKind } from "../../../src/core/job.ts";
import type { JobId, QueueName, SessionId } from "../../../src/core/names.ts";
import type { CancelItem, RetryItem } from "../../../src/store/change.ts";
import type { ClaimItem, InsertItem } from "../../../src/store/commit.ts";
import type { ListFilter } from "../../../src/store/query.ts";
import type { QueueChange } from "../../../src/store/queue.ts";
import type { NewSession, SessionRef } from "../../../src/store/session.ts";
import type { Fault } from "./fault.ts";

/** A lease by job and attempt (`id#attempt`), since stores make lease ids of their own; unknown names stand for forged ids. */
export type LeaseName = string;

/** One verb of a store as data: the same command means the same to every store, and a list of them can be replayed. */
export type Command = {
  /** Time that passes before it. */
  readonly advanceMs: number;
  /** Cut the power within it, of a store in a file. */
  readonly cut?: boolean;
  /** Disturb the server within it, of a store on one. */
  readonly fault?: Fault;
} & (
  | ({ readonly kind: "commit" } & CommitCommand)
  | { readonly kind: "openSession"; readonly session: NewSession }
  | {
      readonly kind: "resume";
      readonly sessionId: SessionId;
      readonly principal: string;
      readonly ttlMs: number;
      readonly held: readonly { readonly lease: LeaseName; readonly buffered: boolean }[];
    }
  | { readonly kind: "detach"; readonly session: SessionRef; readonly graceMs: number }
  | { readonly kind: "close"; readonly session: SessionRef }
  | { readonly kind: "promote" | "propagate" | "cascade" | "expand" | "prune"; readonly max: number }
  | { readonly kind: "reap"; readonly max: number; readonly bufferedMsMax: number; readonly jitter: number }
  | { readonly kind: "cancel"; readonly items: readonly CancelItem[] }
  | { readonly kind: "retry"; readonly items: readonly RetryItem[] }
  | { readonly kind: "remove"; readonly roots: readonly JobId[]; readonly max: number }
  | { readonly kind: "stage"; readonly items: readonly StageCommand[] }
  | { readonly kind: "report"; readonly items: readonly { readonly lease: LeaseName; readonly bytes: Uint8Array }[] }
  | { readonly kind: "updateQueue"; readonly queue: QueueName; readonly change: QueueChange }
  | {
      readonly kind: "read";
      readonly id: JobId;
      readonly filter: ListFilter;
      readonly size: number;
      readonly depthMax: number;
      readonly lease: LeaseName;
    }
);

/** A command but for when it comes, and what happens meanwhile. */
export type Unaimed = Command extends infer Each
  ? Each extends Command
    ? Omit<Each, "advanceMs" | "cut">
    : never
  : never;

interface StageCommand {
  readonly lease: LeaseName;
  readonly seq: number;
  readonly nodes: readonly NewNode[];
}

export interface CommitCommand {
  readonly renew: readonly (SessionRef & { readonly ttlMs: number; readonly buffered: readonly LeaseName[] })[];
  readonly settle: readonly SettleCommand[];
  readonly insert: readonly InsertItem[];
  readonly claim: readonly ClaimItem[];
}

export interface SettleCommand {
  readonly lease: LeaseName;
  readonly outcome: Outcome;
  readonly sent: OutcomeKind;
  readonly jitter: number;
  readonly problem?: ErrorCode | undefined;
}

import type { HoldReason, JobState } from "./job.ts";

/** A state with what tells its kinds apart; `NONE` is a job that does not exist yet. */
export type Place = "NONE" | Exclude<JobState, "HELD"> | "HELD_PARENT" | "HELD_BARRIER" | "HELD_SCHEMA";

/** What moves a job. */
export type Move =
  | "insert"
  | "promote"
  | "release"
  | "claim"
  | "succeed"
  | "fail"
  | "discard"
  | "snooze"
  | "giveBack"
  | "crash"
  | "cancel"
  | "skip"
  | "settleChain"
  | "retry"
  | "revive"
  | "quarantine"
  | "admit";

export interface Transition {
  readonly from: Place;
  readonly move: Move;
  readonly to: Place;
  /** The milestone whose commands can reach this row; the model proof covers rows up to the present one. */
  readonly milestone: 1 | 3 | 4;
}

const row = (from: Place, move: Move, to: Place, milestone: 1 | 3 | 4 = 1): Transition => ({
  from,
  move,
  to,
  milestone,
});

/**
 * Every allowed move of a job. The state diagram in the docs and the coverage of the model proof are checked against this table.
 * `release`: a parent's run was accepted (children) or a barrier opened (heirs). `giveBack`: a lease returned that counts nothing.
 * `skip`: an heir that its trigger does not want. `settleChain`: everything below became terminal.
 */
export const transitions: readonly Transition[] = [
  row("NONE", "insert", "SCHEDULED"),
  row("NONE", "insert", "READY"),
  row("NONE", "insert", "HELD_PARENT"),
  row("NONE", "insert", "HELD_BARRIER"),
  row("NONE", "insert", "AWAITING_CHILDREN"), // a Group whose run time has come
  row("NONE", "insert", "COMPLETED"), // a Group with nothing below
  row("SCHEDULED", "promote", "READY"),
  row("SCHEDULED", "promote", "AWAITING_CHILDREN"), // a Group
  row("SCHEDULED", "promote", "COMPLETED"), // a Group with nothing below
  row("RETRYING", "promote", "READY"),
  row("HELD_PARENT", "release", "READY"),
  row("HELD_PARENT", "release", "SCHEDULED"),
  row("HELD_BARRIER", "release", "READY"),
  row("HELD_BARRIER", "release", "SCHEDULED"),
  row("READY", "claim", "RUNNING"),
  row("RUNNING", "succeed", "COMPLETED"),
  row("RUNNING", "succeed", "AWAITING_CHILDREN"),
  row("RUNNING", "fail", "RETRYING"),
  row("RUNNING", "fail", "DEAD"),
  row("RUNNING", "fail", "AWAITING_CHILDREN"), // dead, with static nodes still open
  row("RUNNING", "discard", "DEAD"),
  row("RUNNING", "discard", "AWAITING_CHILDREN"),
  row("RUNNING", "snooze", "SCHEDULED"),
  row("RUNNING", "giveBack", "READY"),
  row("RUNNING", "crash", "RETRYING"),
  row("RUNNING", "crash", "DEAD"),
  row("RUNNING", "crash", "AWAITING_CHILDREN"),
  row("RUNNING", "cancel", "CANCELLED"),
  row("RUNNING", "cancel", "AWAITING_CHILDREN"),
  row("SCHEDULED", "cancel", "CANCELLED"),
  row("SCHEDULED", "cancel", "AWAITING_CHILDREN"),
  row("READY", "cancel", "CANCELLED"),
  row("READY", "cancel", "AWAITING_CHILDREN"),
  row("RETRYING", "cancel", "CANCELLED"),
  row("RETRYING", "cancel", "AWAITING_CHILDREN"),
  row("HELD_PARENT", "cancel", "CANCELLED"),
  row("HELD_PARENT", "cancel", "AWAITING_CHILDREN"),
  row("HELD_BARRIER", "cancel", "CANCELLED"),
  row("HELD_BARRIER", "cancel", "AWAITING_CHILDREN"),
  row("HELD_BARRIER", "skip", "CANCELLED"),
  row("HELD_BARRIER", "skip", "AWAITING_CHILDREN"),
  row("AWAITING_CHILDREN", "settleChain", "COMPLETED"),
  row("AWAITING_CHILDREN", "settleChain", "DEAD"),
  row("AWAITING_CHILDREN", "settleChain", "CANCELLED"),
  row("SCHEDULED", "retry", "READY", 3),
  row("RETRYING", "retry", "READY", 3),
  row("DEAD", "revive", "READY", 3),
  row("DEAD", "revive", "AWAITING_CHILDREN", 3),
  row("DEAD", "revive", "HELD_BARRIER", 3),
  row("CANCELLED", "revive", "READY", 3),
  row("CANCELLED", "revive", "SCHEDULED", 3),
  row("CANCELLED", "revive", "HELD_PARENT", 3),
  row("CANCELLED", "revive", "HELD_BARRIER", 3),
  row("CANCELLED", "revive", "AWAITING_CHILDREN", 3),
  row("READY", "quarantine", "HELD_SCHEMA", 4),
  row("HELD_SCHEMA", "admit", "READY", 4),
  row("HELD_SCHEMA", "cancel", "CANCELLED", 4),
  row("HELD_SCHEMA", "cancel", "AWAITING_CHILDREN", 4),
];

/** The place of a job in this state. */
export function placeOf(state: JobState, hold: HoldReason | undefined): Place {
  if (state !== "HELD") return state;
  switch (hold) {
    case "PARENT":
      return "HELD_PARENT";
    case "BARRIER":
      return "HELD_BARRIER";
    case "SCHEMA":
      return "HELD_SCHEMA";
    case undefined:
      throw new Error("a held job has a reason");
    default:
      return hold satisfies never;
  }
}

const byKey = new Map(transitions.map((each) => [`${each.from} ${each.move} ${each.to}`, each]));

/** The row that allows this move; throws when there is none: a bug of the caller. */
export function transition(from: Place, move: Move, to: Place): Transition {
  const found = byKey.get(`${from} ${move} ${to}`);
  if (found === undefined) throw new Error(`no transition ${from} --${move}--> ${to}`);
  return found;
}

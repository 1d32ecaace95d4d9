import type { DescEnum } from "@bufbuild/protobuf";
import { JobState, JobStateSchema, Trigger } from "../../gen/conveyor/v1/job_pb.ts";
import type { Style, Terminal } from "./terminal.ts";

/** The states a filter can name, without their prefix. */
export const stateNames: readonly string[] = JobStateSchema.values.slice(1).map((value) => value.localName);

const looks: Readonly<Record<number, { readonly glyph: string; readonly style: Style }>> = {
  [JobState.SCHEDULED]: { glyph: "◷", style: "magenta" },
  [JobState.READY]: { glyph: "○", style: "blue" },
  [JobState.RUNNING]: { glyph: "▶", style: "yellow" },
  [JobState.RETRYING]: { glyph: "↻", style: "yellow" },
  [JobState.AWAITING_CHILDREN]: { glyph: "◒", style: "cyan" },
  [JobState.HELD]: { glyph: "‖", style: "cyan" },
  [JobState.COMPLETED]: { glyph: "✓", style: "green" },
  [JobState.DEAD]: { glyph: "✗", style: "red" },
  [JobState.CANCELLED]: { glyph: "⊘", style: "dim" },
};

/** An enum's value in plain words: `awaiting children`. */
export function words(schema: DescEnum, number: number): string {
  return (schema.value[number]?.localName ?? `unknown (${number})`).toLowerCase().replaceAll("_", " ");
}

/** A state as glyph and words, in its colour. */
export function stateText(state: number, terminal: Terminal): string {
  const look = looks[state] ?? { glyph: "?", style: "dim" as const };
  return terminal.paint(look.style, `${look.glyph} ${words(JobStateSchema, state)}`);
}

export function stateGlyph(state: number, terminal: Terminal): string {
  const look = looks[state] ?? { glyph: "?", style: "dim" as const };
  return terminal.paint(look.style, look.glyph);
}

/** When an heir runs, as the end of "when …". */
export function triggerText(trigger: number): string {
  if (trigger === Trigger.ANY_FAILED) return "any failed";
  return trigger === Trigger.SETTLED ? "all settled" : "all succeeded";
}

export function isTerminalState(state: number): boolean {
  return state === JobState.COMPLETED || state === JobState.DEAD || state === JobState.CANCELLED;
}

/** The last part of a type's full name. */
export function shortType(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

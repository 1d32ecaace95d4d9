import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { parseChoice } from "./arguments.ts";
import type { Arguments, Flag } from "./command.ts";
import { stateNames } from "./job-text.ts";

/** Which jobs a command is about: the fields that ListJobsRequest and JobFilter have in common. Empty: no matter which. */
export interface JobFilter {
  readonly states: JobState[];
  readonly queue: string;
  readonly type: string;
  readonly rootId: string;
  readonly parentId: string;
  readonly errorFingerprint: string;
  readonly includeChainFailed: boolean;
}

const placeFlags: Readonly<Record<string, Flag>> = {
  queue: { value: "QUEUE", help: "only this queue" },
  type: { value: "TYPE", help: "only this job type" },
};
const errorFlag: Flag = { value: "FINGERPRINT", help: 'only dead jobs of this error, as "dead list" shows it' };

/** Flags that choose among all jobs; read by `jobFilterOf`. */
export const jobFilterFlags: Readonly<Record<string, Flag>> = {
  state: { value: "STATE", many: true, help: `only these: ${stateNames.join(", ").toLowerCase()}` },
  ...placeFlags,
  root: { value: "ID", help: "only jobs of this chain" },
  parent: { value: "ID", help: "only children and heirs of this job, in declaration order" },
  error: errorFlag,
  all: { help: "also dead jobs whose own chain failed, when asking for dead ones alone" },
};

/** Flags that choose among dead jobs; read by `deadFilterOf`. */
export const deadFilterFlags: Readonly<Record<string, Flag>> = {
  ...placeFlags,
  error: errorFlag,
  all: { help: "also jobs that are dead only because something below them failed (CHAIN_FAILED)" },
};

/** Throws INVALID_OPTION for a state that is none. */
export function jobFilterOf(args: Arguments): JobFilter {
  return {
    states: args.values("state").map((text) => stateNumber(parseChoice(text, stateNames, "--state"))),
    queue: args.value("queue") ?? "",
    type: args.value("type") ?? "",
    rootId: args.value("root") ?? "",
    parentId: args.value("parent") ?? "",
    errorFingerprint: args.value("error") ?? "",
    includeChainFailed: args.has("all"),
  };
}

export function deadFilterOf(args: Arguments): JobFilter {
  return { ...jobFilterOf(args), states: [JobState.DEAD] };
}

function stateNumber(name: string): JobState {
  return JobState[name as keyof typeof JobState];
}

import { parseArgs } from "node:util";

/** What the proof was asked to do. */
export interface ProofOptions {
  readonly seed: number;
  /** `sqlite`, `postgres` or `redis`: a throw-away one; else the URL of a store, whose server is not killed. */
  readonly store: string;
  /** Jobs to plan, chains included. */
  readonly jobs: number;
  /** A fault that the proof itself commits, to show that it can fail; see `breaks`. */
  readonly broken: string;
}

/** Faults to plant by `--break`: the proof must end with FAIL under each. */
export const breaks: Readonly<Record<string, string>> = {
  unrun: "the worker answers one job in 50 without running it",
  twice: "the worker starts one job in 50 twice in one lease",
  childless: "the worker forgets the children of one parent in 10",
  forget: "the producer takes some jobs as acknowledged that it never sent",
};

const usage = `usage: npm run prove -- kill [--seed N] [--jobs N] [--store sqlite|postgres|redis|URL] [--break ${Object.keys(breaks).join("|")}]`;

export function parseOptions(argv: readonly string[]): ProofOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: "string" },
      store: { type: "string" },
      jobs: { type: "string" },
      break: { type: "string" },
    },
  });
  const broken = values.break ?? "";
  const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6));
  const jobs = Number(values.jobs ?? 14_000);
  if (!Number.isInteger(seed) || !Number.isInteger(jobs) || (broken !== "" && breaks[broken] === undefined)) {
    throw new Error(usage);
  }
  return { seed, jobs, store: values.store ?? "sqlite", broken };
}

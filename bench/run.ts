// npm run bench [-- --store sqlite|postgres|redis] [--only SCENARIO] [--rounds N] [--concurrency N] [--profile] [-o json]: see bench/README.md.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { exitOnSignals } from "../test/prove/process/spawned.ts";
import { describeMachine } from "./machine.ts";
import { medianRound, type Round } from "./measure.ts";
import { profileLines } from "./profile.ts";
import { type Outcome, reportLines } from "./report.ts";
import { chains } from "./scenarios/chains.ts";
import { drain } from "./scenarios/drain.ts";
import { enqueue } from "./scenarios/enqueue.ts";
import { latency } from "./scenarios/latency.ts";
import { openStage, type Stage } from "./stage.ts";

const stores = ["sqlite", "postgres", "redis"];
const scenarios: Readonly<Record<string, (stage: Stage) => Promise<Round>>> = { enqueue, drain, latency, chains };

exitOnSignals();
const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    concurrency: { type: "string", default: "100" },
    profile: { type: "boolean", default: false },
    output: { type: "string", short: "o", default: "table" },
  },
});
const names = values.only === undefined ? Object.keys(scenarios) : values.only.split(",");
const unknown = names.find((name) => scenarios[name] === undefined);
const rounds = Number(values.rounds);
const concurrency = Number(values.concurrency);
if (
  !stores.includes(values.store) ||
  unknown !== undefined ||
  !(rounds >= 1) ||
  !(concurrency >= 1) ||
  !["table", "json"].includes(values.output)
) {
  console.error(
    `usage: npm run bench -- [--store ${stores.join("|")}] [--only ${Object.keys(scenarios).join(",")}] [--rounds N] [--concurrency N] [--profile] [-o table|json]`,
  );
  process.exit(2);
}

const profiles = values.profile ? mkdtempSync(path.join(tmpdir(), "conveyor-profile-")) : undefined;
const machine = describeMachine();
const found = new Map<string, Round[]>(names.map((name) => [name, []]));
// Scenarios take turns, so that a machine that gets slower meanwhile is slower for all of them.
for (let round = 1; round <= rounds; round += 1) {
  for (const name of names) {
    console.error(`round ${round} of ${rounds}: ${name}`);
    found.get(name)?.push(await playRound(name, round));
  }
}
const outcomes: readonly Outcome[] = [...found].map(([name, own]) => ({ name, rounds: own, median: medianRound(own) }));
if (values.output === "json")
  console.log(JSON.stringify({ at: new Date().toISOString(), store: values.store, machine, outcomes }, undefined, 2));
else for (const line of reportLines(values.store, machine, outcomes)) console.log(line);

async function playRound(name: string, round: number): Promise<Round> {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  const folder = profiles === undefined ? undefined : path.join(profiles, `${name}-${round}`);
  if (folder !== undefined) mkdirSync(folder);
  const result = await withStage(folder, scenario);
  if (folder !== undefined) {
    for (const role of ["broker", "worker"]) {
      for (const line of profileLines(path.join(folder, `${role}.cpuprofile`))) console.error(line);
    }
    console.error(`profiles: ${folder}`);
  }
  return result;
}

/** The stage is gone when this resolves: only then the profiles are written. */
async function withStage(
  profileFolder: string | undefined,
  scenario: (stage: Stage) => Promise<Round>,
): Promise<Round> {
  await using stage = await openStage({ store: values.store, concurrency, profileFolder });
  return await scenario(stage);
}

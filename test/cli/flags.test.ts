import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { commands } from "../../src/cli/catalog.ts";
import { commandHelp } from "../../src/cli/usage.ts";
import { conveyor } from "./conveyor.ts";
import { type SteadyJobs, steadyJobs } from "./steady-jobs.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
let jobs: SteadyJobs;
before(async () => {
  world = await startWorld();
  jobs = steadyJobs(world.broker.address);
});
after(async () => {
  await jobs.stop();
  await world[Symbol.asyncDispose]();
});

/** What was typed, and what stderr must say of it; the broker runs jobs all the while. */
const refused: readonly (readonly [args: readonly string[], says: RegExp])[] = [
  [[], /a command is missing[\s\S]*usage: conveyor <command>/],
  [["enqeue", "a.B"], /no command "enqeue"; did you mean "enqueue"\?/],
  [["job"], /"job" needs one of: list, show, wait/],
  [["job", "lst"], /did you mean "job list"\?/],
  [["job", "list", "--quue", "mail"], /unknown flag --quue; did you mean --queue\?[\s\S]*usage: conveyor job list/],
  [["job", "list", "--queue"], /--queue needs a value: QUEUE/],
  [["job", "list", "--queue", "--all"], /--all looks like a flag; write --queue=--all/],
  [["job", "list", "--all=yes"], /--all takes no value/],
  [["job", "list", "--queue", "a", "--queue", "b"], /--queue is given twice/],
  [["job", "list", "--state", "runing"], /"runing" is none of scheduled, .*did you mean running\?/],
  [["job", "list", "--limit", "0"], /--limit: a whole number from 1 to 100000 is needed; got "0"/],
  [["job", "list", "here"], /"here" is one argument too many/],
  [["job", "show", ""], /<id> is empty/],
  [["job", "list", "-o", "yaml"], /--output: "yaml" is none of table, json, jsonl/],
  [["job", "list", "--timeout", "5"], /--timeout: a span is .*"250ms", "5m".*got "5"/],
  [["job", "list", "--address", "http://localhost:2668"], /address of a broker is host or host:port.*without a scheme/],
  [["job", "list", "--address", "localhost:99999"], /address/],
  [["enqueue", "a.B", "--in", "soon"], /--in: a span/],
  [["enqueue", "a.B", "--at", "tomorrow"], /--at: a time is like 2030-01-31T08:00:00Z; got "tomorrow"/],
  [["enqueue", "a.B", "--in", "5m", "--at", "2030-01-31"], /--in and --at exclude each other/],
  [["enqueue", "a.B", "--priority", "high"], /--priority: a whole number/],
  [["enqueue", "a.B", "--max-attempts", "0"], /--max-attempts: a whole number from 1/],
  [["enqueue", "a.B", "-d", "{"], /-d: its value is not a JSON object/],
  [["enqueue", "a.B", "-d", "[1]"], /it is no JSON object/],
  [["enqueue", "a.B", "-d", "@/nowhere/at/all.json"], /the file cannot be read: ENOENT/],
  [["enqueue", "a.B", "-d", "{}", "-f", "a=1"], /-d and -f exclude each other/],
  [["queue", "limit", "mail", "many"], /<n\|none>: a whole number/],
  [["queue", "set", "mail"], /nothing to set; give one of --max-attempts/],
  [["queue", "set", "mail", "--backoff", "slow:1s"], /--backoff: "slow" is none of exponential, linear, fixed/],
  [["queue", "set", "mail", "--backoff", "fixed:1s:2s:3s"], /--backoff: KIND:FIRST\[:MAX\]/],
  [["chain", "show", "x", "--depth", "65"], /--depth: a whole number from 0 to 64/],
  [["serve", "--listen", "2668"], /listen/],
  [["serve", "--store", "mysql://localhost"], /mysql/],
];

for (const [args, says] of refused) {
  test(`flags / conveyor ${args.join(" ")} is refused with status 2`, async () => {
    const ended = await world.conveyor(args);
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, says);
    assert.match(ended.stderr, /^conveyor: [A-Z_]+: /);
    assert.equal(ended.stdout, "", "data and talk are kept apart");
  });
}

test("flags / with -o json an error is one line of JSON on stderr", async () => {
  const ended = await conveyor(["job", "list", "--limit", "0", "-o", "json"]);
  assert.equal(ended.code, 2);
  const { error } = JSON.parse(ended.stderr) as { error: { code: string; message: string } };
  assert.equal(error.code, "INVALID_OPTION");
  assert.match(error.message, /--limit/);
});

test("help / every command has a synopsis, its flags and an example", () => {
  for (const command of commands) {
    const text = commandHelp(command);
    assert.match(text, new RegExp(`^  conveyor ${command.name}`, "m"));
    for (const flag of Object.keys(command.flags)) assert.match(text, new RegExp(`--${flag}\\b`));
    assert.match(text, /^Examples?\n {2}conveyor /m);
  }
});

test("help / is had by help <command>, by --help and for a whole group", async () => {
  for (const [args, holds] of [
    [["help", "job", "list"], ["conveyor job list"]],
    [["job", "list", "--help"], ["conveyor job list"]],
    [
      ["job", "--help"],
      ["conveyor job list", "conveyor job show", "conveyor job wait"],
    ],
    [
      ["help", "queue"],
      ["conveyor queue pause", "conveyor queue set"],
    ],
  ] as const) {
    const { code, stdout, stderr } = await conveyor(args);
    assert.equal(code, 0, args.join(" "));
    assert.equal(stderr, "");
    for (const each of holds) assert.ok(stdout.includes(`  ${each}`), `${args.join(" ")}: ${each}`);
  }
  const { code, stderr } = await conveyor(["help", "serv"]);
  assert.equal(code, 2);
  assert.match(stderr, /did you mean "serve"\?/);
});

test("help / the overview names every command and every exit status", async () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    const { code, stdout } = await conveyor(args);
    assert.equal(code, 0);
    for (const { name } of commands) assert.match(stdout, new RegExp(`^  ${name} `, "m"));
    for (const status of [0, 1, 2, 3, 4, 5, 6, 7]) assert.match(stdout, new RegExp(`\\b${status} [a-z]`));
  }
});

test("version / is that of package.json, also as --version", async () => {
  for (const args of [["version"], ["--version"], ["version", "-o", "json"]]) {
    const { code, stdout } = await conveyor(args);
    assert.equal(code, 0);
    assert.match(stdout, /\b0\.1\.0\b/);
  }
});

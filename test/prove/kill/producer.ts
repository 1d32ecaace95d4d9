// One producer process: node producer.ts ADDRESS LEDGER PLAN [BREAK]; each line on stdin lets it enqueue so many roots more.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { GroupSchema } from "../../../gen/conveyor/v1/group_pb.ts";
import { FailurePolicy, JobRole, type TreeNodeSchema, Trigger } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import {
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
} from "../../../gen/shop/v1/shop_pb.ts";
import { connect } from "../../../src/index.ts";
import { createCaller } from "../process/caller.ts";
import { openLedger } from "./ledger.ts";
import type { PlannedRoot, Script } from "./script.ts";

const inFlightMax = 16;
const patienceMs = 120_000;
const [address = "", ledgerFile = "", planFile = "", broken = ""] = process.argv.slice(2);
const ledger = openLedger(ledgerFile);
const roots = JSON.parse(readFileSync(planFile, "utf8")) as readonly PlannedRoot[]; // written by main.ts
await using conveyor = connect(address);
const caller = createCaller(address);

/** Enqueues one root until it is acknowledged: no answer means unknown, and a repeat is safe. */
async function produce(root: PlannedRoot): Promise<void> {
  const { key } = root.script;
  ledger.append({ what: "intent", at: Date.now(), root });
  if (broken === "forget" && key.endsWith("77")) {
    ledger.append({ what: "ack", at: Date.now(), key, jobId: key, deduplicated: false });
    return;
  }
  for (const end = Date.now() + patienceMs; ; ) {
    try {
      const answer = root.how === "tree" ? await enqueueTree(root) : await enqueuePlain(root);
      ledger.append({ what: "ack", at: Date.now(), key, ...answer });
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      console.error(`${key}: ${error instanceof Error ? error.message : error}; once more`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

interface Answer {
  readonly jobId: string;
  readonly deduplicated: boolean;
}

async function enqueuePlain({ script, how, delayMs, priority }: PlannedRoot): Promise<Answer> {
  const named = how === "id" ? { id: script.key } : { requestId: script.key };
  const options = { ...named, priority, ...(delayMs > 0 ? { delay: delayMs } : {}) };
  const text = JSON.stringify(script);
  const job =
    script.type === "album"
      ? await conveyor.enqueue(MakeAlbumSchema, { folder: text }, options)
      : script.type === "image"
        ? await conveyor.enqueue(ResizeImageSchema, { path: text }, options)
        : script.type === "mail"
          ? await conveyor.enqueue(SendEmailSchema, { to: text }, options)
          : await conveyor.enqueue(ChoreSchema, { script: text }, options);
  return { jobId: job.id, deduplicated: job.deduplicated };
}

async function enqueueTree({ script, priority }: PlannedRoot): Promise<Answer> {
  const nodes: MessageInitShape<typeof TreeNodeSchema>[] = [];
  addNodes(script, undefined, "ROOT", nodes);
  const [root] = nodes;
  const job = { ...root?.node?.job, id: script.key, priority };
  const tree = { nodes: [{ node: { job } }, ...nodes.slice(1)] };
  const answer = await caller.call(JobService.method.enqueue, { item: { case: "tree", value: tree } });
  return { jobId: answer.job?.id ?? "", deduplicated: answer.deduplicated };
}

function addNodes(
  script: Script,
  parentIndex: number | undefined,
  role: "ROOT" | "CHILD" | "HEIR",
  nodes: MessageInitShape<typeof TreeNodeSchema>[],
): void {
  // A raw caller sends no type defaults, and the broker has no schema here: the queue must be said.
  const job = { queue: queueOf(script), content: { case: "payload" as const, value: payloadOf(script) } };
  const own = nodes.length;
  if (parentIndex === undefined) nodes.push({ node: { job } });
  else {
    const policy = FailurePolicy[script.policy];
    const node = { role: JobRole[role], key: script.key, policy, asResult: script.asResult, job };
    nodes.push({ parentIndex, node: role === "HEIR" ? { ...node, trigger: Trigger[script.trigger] } : node });
  }
  for (const child of script.children) addNodes(child, own, "CHILD", nodes);
  for (const heir of script.heirs) addNodes(heir, own, "HEIR", nodes);
}

function queueOf({ type }: Script): string {
  return type === "image" ? "images" : type === "mail" ? "mail" : "default";
}

function payloadOf(script: Script) {
  const text = JSON.stringify(script);
  switch (script.type) {
    case "album":
      return packed(MakeAlbumSchema, { folder: text });
    case "page":
      return packed(PublishAlbumSchema, { title: text });
    case "image":
      return packed(ResizeImageSchema, { path: text });
    case "mail":
      return packed(SendEmailSchema, { to: text });
    case "chore":
      return packed(ChoreSchema, { script: text });
    case "group":
      return packed(GroupSchema, { title: text });
    default:
      return script.type satisfies never;
  }
}

function packed<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>) {
  return anyPack(schema, create(schema, init));
}

let allowed = 0;
let next = 0;
let inFlight = 0;
await new Promise<void>((resolve, reject) => {
  const go = () => {
    for (; next < Math.min(allowed, roots.length) && inFlight < inFlightMax; next += 1) {
      const root = roots[next];
      if (root === undefined) break;
      inFlight += 1;
      produce(root).then(() => {
        inFlight -= 1;
        go();
      }, reject);
    }
    if (next === roots.length && inFlight === 0) resolve();
  };
  createInterface(process.stdin).on("line", (line) => {
    allowed += Number(line);
    go();
  });
  go();
});
caller.close();
console.log("done");
process.exit(0);

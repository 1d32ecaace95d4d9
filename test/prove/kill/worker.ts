// One worker process: node worker.ts ADDRESS NAME LEDGER CONCURRENCY [BREAK]

import {
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
} from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker, isConveyorError, type JobContext } from "../../../src/index.ts";
import { type End, openLedger } from "./ledger.ts";
import type { Script } from "./script.ts";

const [address = "", name = "", ledgerFile = "", concurrency = "", broken = ""] = process.argv.slice(2);
const ledger = openLedger(ledgerFile);

/** Does what the script says, written down at both ends; gives the token of this attempt. */
async function perform(text: string, context: JobContext): Promise<string> {
  const script = JSON.parse(text) as Script; // from the proof's own producer
  const { id: jobId, attempt } = context;
  if (broken === "unrun" && isOneIn(50, jobId)) return `${jobId}#${attempt}`;
  const end = (how: End["how"]) => ledger.append({ what: "end", at: Date.now(), jobId, attempt, worker: name, how });
  const start = { what: "start", at: Date.now(), jobId, attempt, worker: name, heir: context.role === "HEIR" } as const;
  ledger.append(start);
  if (broken === "twice" && isOneIn(50, jobId)) ledger.append(start);
  try {
    await pause(script.ms, context.signal);
  } catch (error) {
    end(isConveyorError(error) && error.code === "LEASE_LOST" ? "lost" : "aborted");
    throw error;
  }
  if (script.does === "fail" || context.failureCount < script.failures) {
    end("failure");
    throw new Error(`failure ${context.failureCount + 1} of the script`);
  }
  if (script.does === "discard") {
    end("discard");
    throw context.discard("the script gives up");
  }
  if (script.does === "snooze" && attempt === 1) {
    end("snooze");
    throw context.snooze("300ms");
  }
  if (!script.whole) declareBelow(script, context);
  end("success");
  return `${jobId}#${attempt}`;
}

function declareBelow(script: Script, context: JobContext): void {
  for (const child of script.children) {
    if (broken === "childless" && isOneIn(10, context.id)) break;
    declare(child, (schema, init) => context.child(schema, init, { key: child.key, policy: child.policy }));
  }
  for (const heir of script.heirs) {
    const policy = heir.policy === "IGNORE" ? "IGNORE" : "FAIL";
    const { key, trigger, asResult } = heir;
    declare(heir, (schema, init) => context.heir(schema, init, { key, trigger, asResult, policy }));
  }
}

type Declare = {
  (schema: typeof MakeAlbumSchema, init: { folder: string }): void;
  (schema: typeof PublishAlbumSchema, init: { title: string }): void;
  (schema: typeof ResizeImageSchema, init: { path: string }): void;
  (schema: typeof ChoreSchema, init: { script: string }): void;
};

function declare(script: Script, as: Declare): void {
  const text = JSON.stringify(script);
  if (script.type === "album") as(MakeAlbumSchema, { folder: text });
  else if (script.type === "page") as(PublishAlbumSchema, { title: text });
  else if (script.type === "image") as(ResizeImageSchema, { path: text });
  else as(ChoreSchema, { script: text });
}

/** Waits, unless the attempt is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** The same for every attempt of a job. */
function isOneIn(n: number, jobId: string): boolean {
  return [...jobId].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 1_000_003, 7) % n === 0;
}

const worker = createWorker(address, {
  name,
  concurrency: Number(concurrency),
  onStateChange(state) {
    ledger.append({ what: "connection", at: Date.now(), worker: name, state });
  },
  onError(error, context) {
    const at = Date.now();
    const code = isConveyorError(error) ? error.code : "INTERNAL";
    if (context.kind === "connection" && code === "SESSION_SUPERSEDED") {
      ledger.append({ what: "connection", at, worker: name, state: "superseded" });
    }
    if (context.kind !== "result") return;
    const { jobId, attempt } = context;
    const text = error instanceof Error ? error.message : String(error);
    ledger.append({ what: "refusal", at, jobId, attempt, worker: name, code, text });
  },
})
  .handle(MakeAlbumSchema, async ({ folder }, context) => {
    const token = await perform(folder, context);
    return (JSON.parse(folder) as Script).heirs.some((heir) => heir.asResult) ? undefined : { indexHtml: token };
  })
  .handle(PublishAlbumSchema, async ({ title }, context) => {
    const images = (await context.results(ResizeImageSchema)).length;
    return { indexHtml: await perform(title, context), images };
  })
  .handle(ResizeImageSchema, async ({ path }, context) => ({ path: await perform(path, context) }))
  .handle(SendEmailSchema, async ({ to }, context) => ({ messageId: await perform(to, context) }))
  .handle(ChoreSchema, async ({ script }, context) => void (await perform(script, context)));

process.on("SIGTERM", () => void worker.stop());
process.stdin.on("end", () => void worker.stop()).resume();
console.log("ready");
await worker.run();
process.exit(0);

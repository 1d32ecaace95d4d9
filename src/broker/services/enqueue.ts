import type {
  EnqueueBatchRequest,
  EnqueueBatchResponse,
  EnqueueItem,
  EnqueueRequest,
  EnqueueResult,
} from "../../../gen/conveyor/v1/job_service_pb.ts";
import type { Status } from "../../../gen/google/rpc/status_pb.ts";
import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import type { NewTree } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import type { JobId } from "../../core/names.ts";
import type { InsertAnswer } from "../../store/commit.ts";
import { toRpcStatus } from "../../wire/error-status.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { treeToDomain } from "../../wire/nodes.ts";
import { type SpecSource, specToJob } from "../../wire/spec-to-job.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

interface Enqueued {
  readonly id: JobId;
  readonly deduplicated: boolean;
}

/** Commits one job or tree; throws what stands against it. */
export async function enqueueOne(context: ServiceContext, request: EnqueueRequest, caller: Caller): Promise<Enqueued> {
  const tree = treeOf(request.item, { source: context.sourceFor(caller.principal), caller, path: "" });
  return insertTree(context, tree, "");
}

/** Commits many, each on its own or all together. */
export async function enqueueMany(
  context: ServiceContext,
  request: EnqueueBatchRequest,
  caller: Caller,
): Promise<Omit<EnqueueBatchResponse, "$typeName">> {
  const { items, allOrNothing } = request;
  if (items.length > limits.batchItemsMax) {
    throw invalidField("BATCH_TOO_LARGE", "items", `at most ${limits.batchItemsMax} are taken, got ${items.length}`);
  }
  const source = context.sourceFor(caller.principal);
  const read = (item: EnqueueItem, index: number) => treeOf(item.item, { source, caller, path: `items[${index}].` });
  const results = allOrNothing
    ? await together(context, items.map(read))
    : await apart(
        context,
        items.map((item, index) => attempt(() => read(item, index))),
      );
  return { results };
}

async function together(context: ServiceContext, trees: readonly NewTree[]): Promise<EnqueueResult[]> {
  const jobs = trees.reduce((sum, tree) => sum + 1 + tree.nodes.length, 0);
  if (jobs > limits.treeNodesMax) {
    const problem = `all or nothing takes at most ${limits.treeNodesMax} jobs at once, got ${jobs}`;
    throw invalidField("BATCH_TOO_LARGE", "items", problem);
  }
  if (trees.length === 0) return [];
  const enqueued = await inserted(context, trees, (index) => `items[${index}]`);
  return enqueued.map(accepted);
}

async function apart(context: ServiceContext, trees: readonly (NewTree | ConveyorError)[]): Promise<EnqueueResult[]> {
  const results = await Promise.all(
    trees.map(async (tree, index) => {
      if (isConveyorError(tree)) return tree;
      return insertTree(context, tree, `items[${index}]`).catch(expected);
    }),
  );
  const outage = outageOfAll(results);
  if (outage !== undefined) throw outage;
  return results.map((result) => (isConveyorError(result) ? refused(toRpcStatus(result)) : accepted(result)));
}

const outages: readonly string[] = ["STORE_UNAVAILABLE", "STORE_FULL", "SERVER_BUSY"];

/** What kept the store from each single item is the call's failure, not theirs; any other item makes it a matter of each. */
function outageOfAll(results: readonly (Enqueued | ConveyorError)[]): ConveyorError | undefined {
  const [first] = results;
  if (!isConveyorError(first) || !outages.includes(first.code)) return undefined;
  return results.every((each) => isConveyorError(each) && each.code === first.code) ? first : undefined;
}

/** Commits one tree; throws what stands against it, with `path` before the text. */
export async function insertTree(context: ServiceContext, tree: NewTree, path: string): Promise<Enqueued> {
  const [enqueued] = await inserted(context, [tree], () => path);
  if (enqueued === undefined) throw new Error("the store answered no root");
  return enqueued;
}

async function inserted(
  context: ServiceContext,
  trees: readonly NewTree[],
  pathOf: (index: number) => string,
): Promise<readonly Enqueued[]> {
  const answer = await context.committer.insert({ trees });
  if (answer.kind === "inserted") return answer.roots;
  throw conflict(answer, pathOf(answer.index));
}

function conflict(answer: Extract<InsertAnswer, { kind: "refused" }>, path: string): ConveyorError {
  const said = path === "" ? "" : `${path}: `;
  return new ConveyorError(answer.code, `${said}${problemOf(answer)}`, {
    details: {
      resource: { type: "job", name: answer.id },
      ...(answer.code === "SERVER_BUSY" ? { retryAfterMs: 1_000 } : {}),
    },
  });
}

function problemOf({ code, id }: Extract<InsertAnswer, { kind: "refused" }>): string {
  switch (code) {
    case "JOB_ID_EXISTS":
      return `the job ${id} exists with another type or payload; choose another id`;
    case "REQUEST_ID_REUSED":
      return `the request id was used for the job ${id} with another type or payload; choose another request id`;
    case "ATOMIC_SPANS_SHARDS":
      return `the job ${id} belongs to another shard of the store than the first one, and only what is on one shard can be inserted all or nothing; insert them apart, or as one tree`;
    case "SERVER_BUSY":
      return `a transaction that is still open holds the id or request id of the job ${id}; try again a little later`;
    default:
      return code satisfies never;
  }
}

/** A job or tree as a store takes it; throws what is wrong with it, or ROLE_MISSING. */
export function treeOf(
  item: EnqueueItem["item"] | EnqueueRequest["item"],
  context: { readonly source: SpecSource; readonly caller: Pick<Caller, "admit">; readonly path: string },
): NewTree {
  const { source, caller, path } = context;
  switch (item.case) {
    case "job": {
      const tree = { root: specToJob(item.value, { ...source, path: `${path}job`, isRoot: true }), nodes: [] };
      admitAll(tree, caller);
      return tree;
    }
    case "tree": {
      const tree = treeToDomain(item.value, { ...source, path: `${path}tree` });
      admitAll(tree, caller);
      return tree;
    }
    case undefined:
      throw invalidField("INVALID_OPTION", `${path}item`, "it must be a job or a tree");
    default:
      return item satisfies never;
  }
}

function admitAll(tree: NewTree, caller: Pick<Caller, "admit">): void {
  caller.admit({ queue: tree.root.queue, type: tree.root.payload.type });
  for (const { job } of tree.nodes) caller.admit({ queue: job.queue, type: job.payload.type });
}

/** What `work` gives, or the error that it may well end with; any other is thrown. */
export function attempt<T>(work: () => T): T | ConveyorError {
  try {
    return work();
  } catch (error) {
    return expected(error);
  }
}

function expected(error: unknown): ConveyorError {
  if (isConveyorError(error)) return error;
  throw error;
}

function accepted({ id, deduplicated }: Enqueued): EnqueueResult {
  return { $typeName: "conveyor.v1.EnqueueResult", id, deduplicated };
}

function refused(error: Status): EnqueueResult {
  return { $typeName: "conveyor.v1.EnqueueResult", id: "", deduplicated: false, error };
}

import { readFileSync } from "node:fs";
import path from "node:path";

interface Frame {
  readonly functionName: string;
  readonly url: string;
}

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const shownMax = 30;

/** Self times of a `--cpu-prof` file: by group, and the functions that took most. Shares are of the time that was not idle. */
export function profileLines(file: string): readonly string[] {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, "utf8")) as CpuProfile; // written by V8
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]));
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyUs = 0;
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    const us = timeDeltas[index] ?? 0;
    if (frame === undefined || frame.functionName === "(idle)") continue;
    busyUs += us;
    add(groups, groupOf(frame), us);
    add(functions, `${frame.functionName || "(anonymous)"} ${shortUrl(frame.url)}`, us);
  }
  return [
    `${path.basename(file)}: ${(busyUs / 1_000).toFixed(0)} ms busy`,
    ...table(groups, busyUs, shownMax),
    "  self time by function:",
    ...table(functions, busyUs, shownMax),
  ];
}

function groupOf({ functionName, url }: Frame): string {
  if (functionName.startsWith("(")) return functionName;
  // better-sqlite3 is native: its time is that of its callers.
  if (/\/src\/store\/|\/(better-sqlite3|pg|pg-[a-z]+|postgres-[a-z]+|ioredis|redis-[a-z]+)\//.test(url))
    return "the store's driver";
  if (url.includes("@grpc/")) return "grpc-js";
  if (url.includes("@bufbuild/protobuf")) return "protobuf";
  if (url.startsWith("node:internal/http2") || url.includes("http2")) return "http2";
  if (url.startsWith("node:") || url === "") return "node, net, streams";
  const layer = /\/(?:src|bench|gen)\/[^/]+(?=\/)/.exec(url)?.[0];
  return url.includes("node_modules") || layer === undefined ? "loading and other packages" : `ours: ${layer.slice(1)}`;
}

function shortUrl(url: string): string {
  return url.replace(/^.*\/(src|bench|gen|node_modules)\//, "$1/");
}

function add(sums: Map<string, number>, key: string, us: number): void {
  sums.set(key, (sums.get(key) ?? 0) + us);
}

function table(sums: ReadonlyMap<string, number>, all: number, max: number): readonly string[] {
  return [...sums]
    .sort(([, one], [, other]) => other - one)
    .slice(0, max)
    .map(
      ([name, us]) =>
        `  ${((us / all) * 100).toFixed(1).padStart(5)} %  ${(us / 1_000).toFixed(0).padStart(6)} ms  ${name}`,
    );
}

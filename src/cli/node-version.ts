/** The oldest Node that runs the published package; older ones crash while better-sqlite3 loads. */
export const nodeMin = "22.22.2";

/** The sentence for someone whose Node is too old; undefined where it is new enough. Loads nothing, so that every Node can ask. */
export function nodeRefusal(version: string): string | undefined {
  const have = version.split(".").map((part) => Number.parseInt(part, 10));
  const want = nodeMin.split(".").map(Number);
  for (const [index, least] of want.entries()) {
    const part = have[index] ?? 0;
    if (part > least) return undefined;
    if (part < least)
      return `NODE_TOO_OLD: Node ${version} is too old for conveyor, which needs ${nodeMin} or newer; install Node 24 from https://nodejs.org`;
  }
  return undefined;
}

/** The oldest Node that can run the bootstrap itself. */
export const bootstrapNodeMin = "18.0.0";

/** The oldest Node that runs the repository's scripts: it strips types and loads better-sqlite3. */
export const scriptNodeMin = "24.14.1";

/**
 * Whether `version` ("24.14.1", "v24.14.1") is `least` or newer, compared number by number.
 * A pre-release counts as older than its release.
 * @param {string} version
 * @param {string} least
 * @returns {boolean}
 */
export function atLeast(version, least) {
  const have = numbers(version);
  const want = numbers(least);
  if (have[0] !== want[0]) return have[0] > want[0];
  if (have[1] !== want[1]) return have[1] > want[1];
  if (have[2] !== want[2]) return have[2] > want[2];
  return version.indexOf("-") === -1 || least.indexOf("-") !== -1;
}

/**
 * The sentence for someone whose Node is older than `least`; undefined where it is new enough.
 * @param {string} version
 * @param {string} least
 * @returns {string | undefined}
 */
export function refusal(version, least) {
  if (atLeast(version, least)) return undefined;
  return `Node ${version} is too old: Conveyor's scripts start on Node ${least} or newer. Install Node 24 from https://nodejs.org and run the command again.`;
}

/**
 * @param {string} version
 * @returns {[number, number, number]}
 */
function numbers(version) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version);
  if (!match) throw new Error(`"${version}" is not a version like 24.14.1`);
  return [Number(match[1]), Number(match[2]), Number(match[3])];
}

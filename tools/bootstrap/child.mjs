import { spawn } from "node:child_process";

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null }} Ending */

/**
 * Runs a command on this terminal and resolves when it has ended. SIGINT, SIGTERM and SIGHUP go to the command, never
 * to us alone: an install left behind by its parent would write under the next one's feet.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<Ending>}
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      // Ctrl-C reaches the whole foreground group: sent on, it would count twice, and twice means "now".
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    };
    /** @type {NodeJS.Signals[]} */
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, forward);
    const stopListening = () => {
      for (const signal of signals) process.off(signal, forward);
    };
    child.once("error", (error) => {
      stopListening();
      reject(error);
    });
    child.once("close", (code, signal) => {
      stopListening();
      resolve({ code, signal });
    });
  });
}

/**
 * Ends this process the way the command ended: same exit status, or death by the same signal.
 * @param {Ending} ending
 */
export function endLike({ code, signal }) {
  if (signal) {
    process.exitCode = 1;
    process.kill(process.pid, signal);
  } else {
    process.exitCode = code ?? 1;
  }
}

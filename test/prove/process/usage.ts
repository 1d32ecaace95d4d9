import { readFileSync } from "node:fs";

/** Clock ticks a second of /proc: 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** CPU time that a live process has used, user and system, in ms. Linux only. */
export function cpuMsOf(pid: number): number {
  const fields = statOf(pid);
  return msOf(fields[11], fields[12]);
}

/** The same of a process with its children, those that have ended too. Linux only. */
export function familyCpuMsOf(pid: number): number {
  const fields = statOf(pid);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").map(Number);
  const living = children
    .filter((child) => child > 0)
    .map((child) => {
      try {
        return cpuMsOf(child);
      } catch {
        return 0; // it has ended a moment ago
      }
    });
  return msOf(fields[11], fields[12], fields[13], fields[14]) + living.reduce((sum, ms) => sum + ms, 0);
}

/** The fields of /proc/PID/stat from the state on. */
function statOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The command stands in brackets and may hold anything; what follows has fixed places.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function msOf(...ticks: readonly (string | undefined)[]): number {
  return (ticks.reduce((sum, each) => sum + Number(each), 0) / ticksPerSecond) * 1_000;
}

/** Resident memory of a live process in bytes: now, and the highest that the kernel has seen. Linux only. */
export function memoryOf(pid: number): { readonly rssBytes: number; readonly peakBytes: number } {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? Number.NaN);
  return { rssBytes: kilobytes("VmRSS") * 1024, peakBytes: kilobytes("VmHWM") * 1024 };
}

/** Samples the resident memory of a process until it is stopped. */
export function sampleMemory(
  pid: number,
  everyMs: number,
): { stop(): { readonly peakBytes: number; readonly samples: number } } {
  let peakBytes = 0;
  let samples = 0;
  const sample = () => {
    try {
      peakBytes = Math.max(peakBytes, memoryOf(pid).rssBytes);
      samples += 1;
    } catch {
      // It has ended: what was seen stands.
    }
  };
  sample();
  const timer = setInterval(sample, everyMs);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return { peakBytes, samples };
    },
  };
}

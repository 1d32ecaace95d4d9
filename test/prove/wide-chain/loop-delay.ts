// Loaded into a broker by --import, with ?file=PATH: writes how long its event loop was blocked at most in each tenth of a second.
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const file = new URL(import.meta.url).searchParams.get("file") ?? "";
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
setInterval(() => {
  appendFileSync(file, `${Date.now()} ${(delays.max / 1e6).toFixed(1)}\n`);
  delays.reset();
}, 100).unref();

import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Where the young generation of the heap stops growing: beyond it more memory saves next to no work. */
const bytesMax = 32 * 1024 * 1024;
const lookMs = 250;

/**
 * Keeps this process small under load: V8 would let the young generation of its heap grow to 128 MiB for jobs that live for
 * milliseconds. Its bound is an argument of Node's, which a program that runs already cannot set: growing can only be ended.
 */
export function boundYoungHeap(): void {
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === "new_space");
    if (young === undefined || young.space_size < bytesMax) return;
    setFlagsFromString("--semi-space-growth-factor=1");
    clearInterval(timer);
  }, lookMs);
  timer.unref();
}

import { once } from "node:events";
import { createInterface } from "node:readline/promises";

/** Asks on a screen; true for `y` or `yes`. Anything else, the end of the input and Ctrl-C are a no. */
export async function confirm(
  question: string,
  { input, output }: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream } = {
    input: process.stdin,
    output: process.stderr,
  },
): Promise<boolean> {
  const reader = createInterface({ input, output });
  try {
    const closed = once(reader, "close").then(() => "");
    const answer = await Promise.race([reader.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}

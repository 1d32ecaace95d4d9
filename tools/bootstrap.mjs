// The entry of every npm script. This file and version.mjs keep to syntax that very old Nodes can parse, because they
// are what refuses such a Node in plain words; the rest is loaded after the check.
import { bootstrapNodeMin, refusal } from "./bootstrap/version.mjs";

const message = refusal(process.versions.node, bootstrapNodeMin);
if (message) {
  console.error(message);
  process.exitCode = 1;
} else {
  import("./bootstrap/start.mjs")
    .then(({ start }) => start(process.argv.slice(2)))
    .catch((error) => {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    });
}

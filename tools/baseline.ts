// Renews the image that `npm run check` compares the public protos with. Before the first release that is free; after
// it, a renewal that drops or changes anything is a breaking release and says so in CHANGELOG.md.
import { show } from "./command.ts";

process.exitCode = await show("buf", [
  "build",
  "proto",
  "--exclude-source-info",
  "--output",
  "tools/baseline/proto.binpb",
]);

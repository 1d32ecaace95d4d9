import { show } from "./command.ts";
import { vendoredProtos } from "./vendored-protos.ts";

const biome = await show("biome", ["check", "--write", "."]);
const buf = await show("buf", ["format", "--write", ...vendoredProtos.flatMap((path) => ["--exclude-path", path])]);
process.exitCode = biome || buf;

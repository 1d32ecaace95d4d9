import { show } from "./command.ts";

process.exitCode = await show("buf", ["generate"]);

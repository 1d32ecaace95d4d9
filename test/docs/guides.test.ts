import { test } from "node:test";
import { followPage } from "./page.ts";

const pages = ["migrate-from-bullmq.md", "migrate-from-jpoz-conveyor.md"];

for (const page of pages) test(`docs / ${page} works from its top to its end`, () => followPage(`docs/${page}`));

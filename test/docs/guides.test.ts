import { test } from "node:test";
import { followPage } from "./page.ts";

const pages = [
  "quickstart.md",
  "typescript.md",
  "chains.md",
  "other-languages.md",
  "migrate-from-bullmq.md",
  "migrate-from-jpoz-conveyor.md",
];

for (const page of pages) test(`docs / ${page} works from its top to its end`, () => followPage(`docs/${page}`));

// Calls and streams within a process do what they do over a connection: the same tests, but for what only a connection can do.
process.env.CONVEYOR_TEST_TRANSPORT = "in-process";
await import("./unary.test.ts");
await import("./stream.test.ts");

export {};

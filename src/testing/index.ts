export { type TestConveyor, type TestConveyorOptions, testConveyor } from "./test-conveyor.ts";

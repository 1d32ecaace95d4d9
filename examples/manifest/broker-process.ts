import { type OwnedProcess, startProcess } from "./processes.ts";

export interface BrokerProcess extends AsyncDisposable {
  readonly process: OwnedProcess;
  readonly address: string;
}

/** Starts `conveyor serve` on the default port, or on a free one where that is taken (told to `onOtherPort`). */
export async function startBroker(
  options: { readonly store: string; readonly schema: string },
  onOtherPort: () => void,
): Promise<BrokerProcess> {
  try {
    return await serve("127.0.0.1:2668", options);
  } catch (error) {
    if (!(error instanceof Error && error.message.includes("ADDRESS_IN_USE"))) throw error;
    onOtherPort();
    return await serve("127.0.0.1:0", options);
  }
}

async function serve(
  listen: string,
  { store, schema }: { readonly store: string; readonly schema: string },
): Promise<BrokerProcess> {
  const args = ["serve", "--store", store, "--schema", schema, "--listen", listen, "-o", "json"];
  const broker = startProcess("the broker", "src/cli/main.ts", args);
  try {
    const banner: unknown = JSON.parse(await broker.firstLine);
    return {
      process: broker,
      address: String((banner as { address: string }).address),
      [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
    };
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
}

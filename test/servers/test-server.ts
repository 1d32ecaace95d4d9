/** A database server of a test run or a proof: a process of ours on 127.0.0.1. It dies with the process that started it. */
export interface TestServer {
  /** How a store is opened on it; the same after a restart. */
  readonly url: string;
  readonly port: number;
  /** Of the process that runs now; 0: none does. */
  readonly pid: number;
  /** Ends it in good order and removes its data, unless `dataDir` was given. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. The data stay. */
  kill(): Promise<void>;
  /** Starts it at the same port with the same data: after a kill, or after a stop in good order where it still runs. */
  restart(): Promise<void>;
}

export interface TestServerOptions {
  /**
   * Either way the server has the settings that a store asks for and what it acknowledged survives `kill()`. True: the data lie
   * on a disk. False: in memory where there is room, which is quick and ends with the machine.
   */
  readonly durable?: boolean;
  /** Kept by `stop()`; made when it is not there. */
  readonly dataDir?: string;
  /** Left out: a free one. */
  readonly port?: number;
  /** Settings of the server by name, over those of the launcher. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The addon's functions about several processes. */
import { native } from "../native.js";

/** An object of the addon. */
export type Handle = { readonly handle: unique symbol };

interface Distributed {
  readonly hasNccl: boolean;

  openStore(host: string, port: number, serve: boolean, timeout: number, prefix: string): Handle;
  storeSet(store: Handle, key: string, text: string): void;
  storeAdd(store: Handle, key: string, amount: number): number;
  storeWait(store: Handle, keys: readonly string[], timeout: number): void;
  /** Does not wait for keys that are not set; gives up after 5 s. */
  storeLook(store: Handle, keys: readonly string[]): (string | null)[];
  closeStore(store: Handle): void;

  localAddress(host: string): string;
  openGroup(
    store: Handle,
    rank: number,
    size: number,
    timeout: number,
    interfaces: string,
    address: string,
    cudaDevice: number,
  ): Handle;
  closeGroup(group: Handle): void;

  allReduce(group: Handle, slot: number, how: string): Handle;
  broadcast(group: Handle, slot: number, from: number): Handle;
  allGather(group: Handle, slot: number): Handle;
  barrier(group: Handle): Handle;
  waitFor(operation: Handle): Int32Array;
  isDone(operation: Handle): boolean;

  openAveraging(group: Handle, parameters: Int32Array, firstBytes: number, bytes: number): Handle;
  broadcastParameters(averaging: Handle): void;
  watchGradients(averaging: Handle, watch: boolean): void;
  averageGradients(averaging: Handle): void;
  bucketsUnderWay(averaging: Handle): number;
  closeAveraging(averaging: Handle): void;
}

export const c10d = (): Distributed => native() as unknown as Distributed;

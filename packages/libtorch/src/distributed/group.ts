/** The group of processes that compute together: joining it, leaving it, one's place in it. */
import { readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { cudaDevices } from "../runtime.js";
import { farewell, isGone, list, pause } from "./failure.js";
import { c10d, type Handle } from "./native.js";
import { type Place, placeFrom } from "./variables.js";

export interface ProcessGroupOptions {
  /**
   * "gloo" works everywhere. "nccl" reduces CUDA tensors with NCCL, on the device whose number is LOCAL_RANK, and CPU
   * tensors with gloo. Default: "nccl" where the addon has it and there is a CUDA device, else "gloo".
   */
  readonly backend?: "gloo" | "nccl" | undefined;
  /** How long to wait for other ranks, when joining and in each operation. Default: 600. */
  readonly timeoutSeconds?: number | undefined;
}

/** What each rank tells the others when it joins. */
export interface Peer {
  readonly host: string;
  readonly pid: number;
  /** Ranks with the same value see each other's process numbers. */
  readonly space: string;
  readonly worldSize: number;
  readonly address: string;
}

/** A joined group, as the files of this folder use it. */
export interface Group {
  readonly place: Place;
  readonly timeout: number;
  readonly store: Handle;
  readonly handle: Handle;
  readonly peers: readonly Peer[];
  /** Set once the store does not answer: asking again would only print warnings. */
  storeIsGone: boolean;
  closed: boolean;
}

let joined: Group | undefined;
let opened = false;
/** Why this process ends, where that is known before it does. */
let reason: string | undefined;

/** The group, or undefined where this process is alone. */
export const currentGroup = (): Group | undefined => joined;

/** This process's number among all, from 0. 0 without a group. */
export const rank = (): number => joined?.place.rank ?? 0;

/** How many processes the group has. 1 without a group. */
export const worldSize = (): number => joined?.place.worldSize ?? 1;

/** This process's number on its machine, from 0; by convention its CUDA device. 0 without a group. */
export const localRank = (): number => joined?.place.localRank ?? 0;

/**
 * Joins the group that the environment variables RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT describe,
 * as torchrun sets them, and waits for all others to join. Rank 0 listens on MASTER_PORT; gloo uses the network that
 * leads to MASTER_ADDR, or the interfaces named in GLOO_SOCKET_IFNAME. Nothing is encrypted or authenticated: use a
 * private network. The group ends with {@link closeProcessGroup}, or with the process, and cannot be joined again.
 *
 * @throws {RangeError} when the variables are missing or contradict each other
 * @throws {Error} when other ranks do not join within the time-out; the message names them
 */
export function initProcessGroup({ backend, timeoutSeconds = 600 }: ProcessGroupOptions = {}): void {
  if (opened)
    throw new Error(
      "A process joins a process group once in its life: start new processes to form another group.",
    );
  if (!(timeoutSeconds > 0) || timeoutSeconds > 2_000_000)
    throw new RangeError(`timeoutSeconds must be above 0 and at most 2000000, it is ${timeoutSeconds}.`);
  const place = placeFrom(process.env);
  const device = cudaDevice(backend, place.localRank);
  const timeout = Math.ceil(timeoutSeconds * 1000);
  const store = openStore(place, timeout);
  try {
    const interfaces = process.env.GLOO_SOCKET_IFNAME ?? "";
    const address = interfaces ? "" : c10d().localAddress(place.host);
    const peers = meet(store, place, address, timeout);
    const handle = connect(() =>
      c10d().openGroup(store, place.rank, place.worldSize, timeout, interfaces, address, device),
    );
    opened = true;
    joined = { place, timeout, store, handle, peers, storeIsGone: false, closed: false };
  } catch (error) {
    c10d().closeStore(store);
    throw error;
  }
  process.on("exit", leave);
  process.on("uncaughtExceptionMonitor", remember);
}

/** Leaves the group. Call it when no operation is under way; without it the group ends with the process. */
export function closeProcessGroup(): void {
  if (!joined) return;
  part(joined, "has closed its process group");
}

function cudaDevice(backend: "gloo" | "nccl" | undefined, local: number): number {
  if (backend !== undefined && backend !== "gloo" && backend !== "nccl")
    throw new TypeError(`backend must be "gloo" or "nccl", it is "${String(backend)}".`);
  const devices = cudaDevices();
  if (backend === "gloo" || (backend === undefined && !(c10d().hasNccl && devices > 0))) return -1;
  if (!c10d().hasNccl)
    throw new Error(
      'The addon was built without NCCL, which needs libtorch for CUDA and its headers. Use backend "gloo", or run setup with such a libtorch.',
    );
  if (local >= devices)
    throw new RangeError(
      `LOCAL_RANK is ${local}, and this machine has ${devices} CUDA devices, numbered from 0. Start at most one process a device.`,
    );
  return local;
}

function openStore({ host, port, rank, launched, prefix }: Place, timeout: number): Handle {
  const serve = rank === 0 && !launched;
  try {
    return c10d().openStore(host, port, serve, timeout, prefix);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(
      serve && /in use/i.test(text)
        ? `Rank 0 cannot listen on port ${port}, another program does. Choose another MASTER_PORT for all ranks.`
        : `Rank ${rank} cannot reach ${host}:${port} (MASTER_ADDR:MASTER_PORT) within ${timeout / 1000} s. ` +
            `Is rank 0 running there, and may this machine connect to it? (${text})`,
      { cause: error },
    );
  }
}

/** Tells the others who this is, waits for all, and finds contradictions between them. */
function meet(store: Handle, place: Place, address: string, timeout: number): Peer[] {
  const { rank, worldSize, host, port } = place;
  if (c10d().storeAdd(store, `count/${rank}`, 1) > 1)
    throw new RangeError(`Two processes have RANK ${rank} at ${host}:${port}: each needs its own.`);
  const own: Peer = { host: hostname(), pid: process.pid, space: processSpace(), worldSize, address };
  c10d().storeSet(store, `who/${rank}`, JSON.stringify(own));
  const keys = Array.from({ length: worldSize }, (_, r) => `who/${r}`);
  try {
    c10d().storeWait(store, keys, timeout);
  } catch (error) {
    throw absent(store, keys, place, timeout, error);
  }
  const peers = c10d()
    .storeLook(store, keys)
    .map((text) => JSON.parse(text as string) as Peer);
  peers.forEach((peer, r) => {
    if (peer.worldSize !== worldSize)
      throw new RangeError(
        `Rank ${r} was started with WORLD_SIZE ${peer.worldSize}, rank ${rank} with ${worldSize}.`,
      );
    if (peer.address && address && isLoopback(peer.address) !== isLoopback(address))
      throw new Error(
        `Rank ${r} would use the address ${peer.address} and rank ${rank} ${address}: they cannot reach each other. ` +
          "Give MASTER_ADDR as an address that all machines see, or name the network interface in GLOO_SOCKET_IFNAME.",
      );
  });
  return peers;
}

function absent(
  store: Handle,
  keys: string[],
  { rank, host, port }: Place,
  timeout: number,
  cause: unknown,
): Error {
  let missing: number[];
  try {
    missing = c10d()
      .storeLook(store, keys)
      .flatMap((text, r) => (text === null ? [r] : []));
  } catch {
    return new Error(`Rank ${rank}: rank 0 ended while ranks were joining. Look at its output.`, { cause });
  }
  return new Error(
    `Rank ${rank}: ${list("rank", missing)} did not join at ${host}:${port} within ${timeout / 1000} s. ` +
      "Start all ranks with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE.",
    { cause },
  );
}

function connect(open: () => Handle): Handle {
  try {
    return open();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(
      `The ranks met, and could not connect to each other: ${text}. Firewalls must allow connections between all ` +
        "machines on all ports; GLOO_SOCKET_IFNAME names the network interface to use.",
      { cause: error },
    );
  }
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/** The machine and, on Linux, the container: where process numbers mean the same. */
function processSpace(): string {
  try {
    return `${hostname()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return hostname();
  }
}

const remember = (error: unknown): void => {
  reason = farewell(error);
};

function leave(code: number): void {
  if (joined) part(joined, reason ?? `ended with exit code ${code}`, code);
}

/**
 * Tells the others why, then ends the connections: the group's before the store's, because the others read the reason
 * from the store once their connections break. The rank that serves the store waits a moment for them to leave.
 */
function part(group: Group, why: string, exitCode = 0): void {
  const { store, place, peers, handle } = group;
  joined = undefined;
  group.closed = true;
  process.off("exit", leave);
  process.off("uncaughtExceptionMonitor", remember);
  try {
    if (!group.storeIsGone) c10d().storeSet(store, `left/${place.rank}`, why);
    c10d().closeGroup(handle);
    if (place.rank === 0 && !place.launched) {
      const keys = peers.map((_, r) => `left/${r}`);
      const isHere = (text: string | null, r: number) => text === null && !isGone(group, r);
      const deadline = Date.now() + (exitCode === 0 ? 5000 : 3000);
      while (c10d().storeLook(store, keys).some(isHere) && Date.now() < deadline) pause(20);
    }
  } catch {
    // Rank 0 left before, and the store with it.
  }
  c10d().closeStore(store);
}

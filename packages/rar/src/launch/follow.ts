/** A node other than 0: comes to node 0 and does as told until the job is over. */
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { RarityError } from "../config/errors.js";
import type { LocalRanks } from "./local-ranks.js";
import { codeOf, type Signals } from "./signals.js";
import { receive, send, type ToNode } from "./wire.js";

export interface FollowOptions {
  readonly host: string;
  readonly port: number;
  readonly nodes: number;
  readonly version: string;
  readonly joinSeconds: number;
  readonly signals: Signals;
  readonly say: (line: string) => void;
}

/**
 * @returns the job's exit code, as node 0 tells it
 * @throws {RarityError} `ranks` where node 0 is not reached or goes away; `bad-usage` where it refuses this node
 */
export async function follow(local: LocalRanks, options: FollowOptions): Promise<number> {
  const { host, port, nodes, version, signals, say } = options;
  const socket = await reach(local.node, options);
  if (socket === undefined) return codeOf(signals.first!);
  let outcome: number | RarityError | undefined;
  receive<ToNode>(socket, (message) => {
    switch (message.type) {
      case "start":
        // Node 0 may call itself by another name; this node found it by its own.
        void local.start({ ...message.order, masterHost: host }).then((report) => {
          send(socket, { type: "report", report });
          void local.gone().then(() => send(socket, { type: "gone" }));
        });
        break;
      case "end":
        void local.end();
        break;
      case "kill":
        local.signal(message.signal);
        break;
      case "leave":
        outcome = message.code;
        break;
      case "refused":
        outcome = new RarityError("bad-usage", `Node 0 refused this node. ${message.why}`);
        break;
      default:
        message satisfies never;
    }
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const unlisten = signals.listen((signal, count) => {
    if (count === 1) say(`${signal}: passed on to node 0, for all ranks (once more: at once).`);
    send(socket, { type: "signal", signal, count });
    if (count > 1) local.signal("SIGKILL");
  });
  send(socket, { type: "hello", version, node: local.node, nodes, ranks: local.ranks, host: hostname() });
  say(`Node ${local.node} has joined node 0 at ${host}:${port}.`);
  await closed;
  unlisten();
  await local.end();
  if (typeof outcome === "number") return outcome;
  throw (
    outcome ??
    new RarityError(
      "ranks",
      `Node 0 at ${host}:${port} is gone: its launcher has ended, or the network between has. The ranks of node ${local.node} were ended; start all launchers again.`,
    )
  );
}

/** Undefined where a signal came first. */
async function reach(node: number, options: FollowOptions): Promise<Socket | undefined> {
  const { host, port, joinSeconds, signals, say } = options;
  const deadline = Date.now() + joinSeconds * 1000;
  for (let tries = 1; !signals.first; tries++) {
    const attempt = await connected(host, port, Math.min(10_000, Math.max(1, deadline - Date.now())));
    if (!(attempt instanceof Error)) return attempt;
    if (tries === 1) say(`Waiting for node 0 at ${host}:${port} (${attempt.message}).`);
    if (Date.now() >= deadline)
      throw new RarityError(
        "ranks",
        `Node ${node} cannot reach node 0 at ${host}:${port} within ${joinSeconds} s (${attempt.message}). Is "rarity launch --node-rank 0" running there, with the same --master, and may this machine connect to that port?`,
      );
    await pause(Math.min(1000, Math.max(0, deadline - Date.now())));
  }
  return undefined;
}

function connected(host: string, port: number, milliseconds: number): Promise<Socket | Error> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error("no answer")), milliseconds);
    socket.once("error", resolve);
    socket.once("close", () => clearTimeout(timer));
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", resolve);
      resolve(socket);
    });
  });
}

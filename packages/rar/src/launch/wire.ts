/** Messages between the launchers of several nodes: one line of JSON each, over one connection a node. */
import type { Socket } from "node:net";
import type { Report } from "./member.js";
import type { StartOrder } from "./order.js";
import type { PassedOn } from "./signals.js";

/** What a node says when it comes. */
export interface Hello {
  readonly type: "hello";
  readonly version: string;
  readonly node: number;
  readonly nodes: number;
  readonly ranks: number;
  readonly host: string;
}

export type ToNode =
  | { readonly type: "refused"; readonly why: string }
  | { readonly type: "start"; readonly order: StartOrder }
  | { readonly type: "end" }
  | { readonly type: "kill"; readonly signal: NodeJS.Signals }
  /** The job is over. */
  | { readonly type: "leave"; readonly code: number };

export type FromNode =
  | Hello
  | { readonly type: "report"; readonly report: Report }
  /** No rank lives there. */
  | { readonly type: "gone" }
  /** This node's launcher got a signal, for the whole job; `count` of them so far. */
  | { readonly type: "signal"; readonly signal: PassedOn; readonly count: number };

const longest = 64 * 1024;

export function send(socket: Socket, message: ToNode | FromNode): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Hands over each message; a peer that speaks something else is cut off. */
export function receive<Message extends ToNode | FromNode>(
  socket: Socket,
  heard: (message: Message) => void,
): void {
  let rest = "";
  socket.setEncoding("utf8");
  // A machine that vanishes says nothing more: let the system ask after 15 quiet seconds.
  socket.setKeepAlive(true, 15_000);
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy()); // "close" follows, which is what the callers watch
  socket.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    if (rest.length > longest) socket.destroy();
    for (const line of lines) {
      const message = parse(line);
      if (message === undefined) return void socket.destroy();
      heard(message as Message);
    }
  });
}

function parse(line: string): { readonly type: string } | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const known = typeof value === "object" && value !== null && "type" in value;
    return known && typeof value.type === "string" ? { ...value, type: value.type } : undefined;
  } catch {
    return undefined;
  }
}

/** The ranks of another node, behind its launcher's connection. */
import type { Socket } from "node:net";
import type { Member, Report } from "./member.js";
import type { StartOrder } from "./order.js";
import { type FromNode, type Hello, send } from "./wire.js";

export class RemoteRanks implements Member {
  readonly node: number;
  readonly ranks: number;
  readonly host: string;
  /** Resolves when the connection is gone. */
  readonly lost: Promise<void>;
  readonly #socket: Socket;
  readonly #reported = new Slot<Report>();
  readonly #empty = new Slot<void>();

  constructor(socket: Socket, { node, ranks, host }: Hello) {
    this.node = node;
    this.ranks = ranks;
    this.host = host;
    this.#socket = socket;
    this.lost = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  hear(message: FromNode): void {
    if (message.type === "report") this.#reported.fill(message.report);
    if (message.type === "gone") this.#empty.fill();
  }

  start(order: StartOrder): Promise<Report> {
    const report = this.#reported.empty();
    void this.#empty.empty();
    send(this.#socket, { type: "start", order });
    const why = `Node ${this.node} (${this.host}) is gone: its launcher has ended, or the network between has.`;
    return Promise.race([report, this.lost.then((): Report => ({ kind: "lost", why }))]);
  }

  end(): Promise<void> {
    send(this.#socket, { type: "end" });
    return this.gone();
  }

  gone(): Promise<void> {
    return Promise.race([this.#empty.value, this.lost]);
  }

  signal(signal: NodeJS.Signals): void {
    send(this.#socket, { type: "kill", signal });
  }

  leave(code: number): void {
    send(this.#socket, { type: "leave", code });
    this.#socket.end();
  }
}

/** A value that comes later, again and again. */
class Slot<T> {
  fill: (value: T) => void = () => {};
  value: Promise<T> = this.empty();

  empty(): Promise<T> {
    this.value = new Promise((resolve) => {
      this.fill = resolve;
    });
    return this.value;
  }
}

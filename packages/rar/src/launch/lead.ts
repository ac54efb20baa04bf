/** Node 0 of several: where the other launchers come, and who is there. */
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { RarityError } from "../config/errors.js";
import type { Member } from "./member.js";
import { listen } from "./port.js";
import { RemoteRanks } from "./remote-ranks.js";
import type { Signals } from "./signals.js";
import { type FromNode, type Hello, receive, send } from "./wire.js";

export interface LeadOptions {
  readonly nodes: number;
  /** Port of --master. */
  readonly port: number;
  readonly version: string;
  readonly joinSeconds: number;
  readonly signals: Signals;
  readonly say: (line: string) => void;
}

export class Lead {
  readonly #options: LeadOptions;
  readonly #server: Server;
  readonly #here = new Map<number, RemoteRanks>();
  #came: () => void = () => {};

  private constructor(options: LeadOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#welcome(socket));
    options.signals.listen(() => this.#came()); // a wait for nodes ends then
  }

  static async open(options: LeadOptions): Promise<Lead> {
    const lead = new Lead(options);
    await listen(lead.#server, options.port);
    return lead;
  }

  /**
   * The other nodes, once all are there or a signal has come.
   * @throws {RarityError} `ranks`, naming those that did not come in time
   */
  async gather(): Promise<Member[]> {
    const { nodes, port, joinSeconds, say, signals } = this.#options;
    const missing = (): number[] =>
      Array.from({ length: nodes - 1 }, (_, i) => i + 1).filter((node) => !this.#here.has(node));
    if (missing().length > 0) say(`Waiting on port ${port} for ${named(missing())}.`);
    const deadline = Date.now() + joinSeconds * 1000;
    while (missing().length > 0 && !signals.first) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new RarityError(
          "ranks",
          `${named(missing())} did not come within ${joinSeconds} s. Start "rarity launch" there with the same ` +
            `--nodes and --master, and --node-rank ${missing().join(" or ")}; port ${port} of this machine must be open to it.`,
        );
      const timer = new AbortController();
      const came = new Promise<void>((resolve) => {
        this.#came = resolve;
      });
      await Promise.race([came, pause(left, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
    }
    return [...this.#here.values()].sort((a, b) => a.node - b.node);
  }

  /** Tells all nodes that the job is over. */
  close(code: number): void {
    for (const member of this.#here.values()) member.leave(code);
    this.#server.close();
  }

  #welcome(socket: Socket): void {
    let member: RemoteRanks | undefined;
    const patience = setTimeout(() => !member && socket.destroy(), 10_000).unref();
    receive<FromNode>(socket, (message) => {
      if (message.type === "signal") return this.#options.signals.raise(message.signal, message.count);
      if (message.type !== "hello") return member?.hear(message);
      const why = this.#objection(message);
      if (why !== undefined) {
        this.#options.say(`A node was refused. ${why}`);
        send(socket, { type: "refused", why });
        return void socket.end();
      }
      clearTimeout(patience);
      member = new RemoteRanks(socket, message);
      this.#here.set(member.node, member);
      const { node, ranks, host } = member;
      this.#options.say(`Node ${node} is here: ${ranks === 1 ? "1 rank" : `${ranks} ranks`} on ${host}.`);
      this.#came();
      void member.lost.then(() => this.#here.delete(message.node));
    });
  }

  #objection({ version, nodes, node, ranks, host }: Hello): string | undefined {
    const own = this.#options;
    if (version !== own.version)
      return `${host} runs rarity ${version} and node 0 ${own.version}: install the same version on all nodes.`;
    if (nodes !== own.nodes)
      return `${host} was started with --nodes ${nodes} and node 0 with --nodes ${own.nodes}.`;
    if (!Number.isInteger(node) || node < 1 || node >= nodes)
      return `${host} came with --node-rank ${node}, of ${nodes}.`;
    if (!Number.isInteger(ranks) || ranks < 1) return `${host} came with --ranks ${ranks}.`;
    const other = this.#here.get(node);
    if (other) return `${host} came with --node-rank ${node}, as ${other.host} had: each node needs its own.`;
    return undefined;
  }
}

const named = (nodes: readonly number[]): string =>
  nodes.length === 1 ? `node ${nodes[0]}` : `nodes ${nodes.join(", ")}`;

import { EventEmitter } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { temporaryFolder } from "../testing/temporary.js";
import { type LaunchOptions, launch } from "./launch.js";
import { freePort } from "./port.js";

const folder = temporaryFolder();
let scripts = 0;

class Lines extends Writable {
  text = "";
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.text += chunk;
    done();
  }
}

/** A launcher of ranks that run `script`, with what it says and what they write. */
function launcher(script: string, options: Partial<LaunchOptions> = {}) {
  const path = join(folder, `rank-${scripts++}.mjs`);
  writeFileSync(path, script);
  const said: string[] = [];
  const [stdout, stderr] = [new Lines(), new Lines()];
  const signals = new EventEmitter();
  const until = async (has: () => boolean): Promise<void> => {
    while (!has()) await pause(10);
  };
  const code = launch({
    command: [process.execPath, path],
    ranks: 2,
    restarts: 0,
    graceSeconds: 0.5,
    version: "1",
    say: (line) => said.push(line),
    output: { stdout, stderr },
    env: { PATH: process.env.PATH },
    signals,
    ...options,
  });
  return { code, said, stdout, stderr, signals, until };
}

/** For scripts of ranks: `made(name)` leaves a file, `seen(name)` waits for one. */
function notes(): string {
  return `import { existsSync, writeFileSync } from "node:fs";
    const note = (name) => ${JSON.stringify(join(folder, `note-${scripts}-`))} + name;
    const made = (name) => writeFileSync(note(name), "");
    const seen = async (name) => { while (!existsSync(note(name))) await new Promise((done) => setTimeout(done, 10)); };
    `;
}

const lines = (stream: Lines): string[] => stream.text.trimEnd().split("\n").sort();

it("gives each rank the variables of torchrun, and its number before its lines", async () => {
  const names =
    "RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE NODE_RANK MASTER_ADDR TORCHELASTIC_RESTART_COUNT";
  const run = launcher(
    `console.log("${names}".split(" ").map((name) => process.env[name]).join(" "));
    console.error(process.env.MASTER_PORT, process.env.OMP_NUM_THREADS, process.env.TORCHELASTIC_USE_AGENT_STORE);
    process.stdout.write("no newline");`,
    { env: { OMP_NUM_THREADS: "3", TORCHELASTIC_USE_AGENT_STORE: "True" } },
  );
  expect(await run.code).toBe(0);
  expect(lines(run.stdout)).toEqual([
    "[0] 0 2 0 2 0 127.0.0.1 0",
    "[0] no newline",
    "[1] 1 2 1 2 0 127.0.0.1 0",
    "[1] no newline",
  ]);
  const [zero, one] = lines(run.stderr);
  expect(zero).toMatch(/^\[0\] [1-9]\d+ 3 undefined$/);
  expect(one!.slice(3)).toBe(zero!.slice(3)); // one port for both
  expect(run.said).toEqual([]);
});

it("names the rank that died with its last words, ends the others though they ignore SIGTERM, and keeps its exit code", async () => {
  const run = launcher(
    `${notes()}process.on("SIGTERM", () => console.log("ignored"));
    if (process.env.RANK === "0") made("ready");
    else { console.error("first\\nthe reason"); await seen("ready"); process.exit(7); }
    setInterval(() => {}, 1000);`,
  );
  expect(await run.code).toBe(7);
  expect(run.said).toHaveLength(1);
  expect(run.said[0]).toMatch(
    /^Rank 1 \(process \d+ on .+\) ended with exit code 7 after \d+ s\. Its last words:\n {2}\| first\n {2}\| the reason$/,
  );
  expect(lines(run.stdout)).toEqual(["[0] ignored"]);
});

it("starts all ranks again after one was killed, from where the last start came", async () => {
  const state = join(folder, "state");
  const run = launcher(
    `import { appendFileSync } from "node:fs";
    const { RANK, TORCHELASTIC_RESTART_COUNT: start } = process.env;
    appendFileSync(${JSON.stringify(state)}, \`\${start}.\${RANK} \`);
    if (start < 2 && RANK === "0") process.kill(process.pid, "SIGKILL");
    if (start < 2) setInterval(() => {}, 1000);`,
    { restarts: 3, crashSeconds: 0 },
  );
  expect(await run.code).toBe(0);
  expect(
    readFileSync(state, "utf8")
      .trim()
      .split(" ")
      .filter((s) => s.endsWith(".0")),
  ).toEqual(["0.0", "1.0", "2.0"]);
  expect(run.said[0]).toContain("was killed by SIGKILL");
  expect(run.said[1]).toBe("Starting all ranks again from the last checkpoint (restart 1 of 3).");
  expect(run.said).toHaveLength(4);
});

it("stops when restarts are used up, and sooner where ranks fail at once", async () => {
  const used = launcher("process.exit(9)", { restarts: 1, crashSeconds: 0 });
  expect(await used.code).toBe(9);
  expect(used.said.at(-1)).toBe("Restarts are used up (--restarts 1).");
  const loop = launcher("process.exit(9)", { restarts: 50 });
  expect(await loop.code).toBe(9);
  expect(loop.said.filter((line) => line.startsWith("Starting"))).toHaveLength(1);
  expect(loop.said.at(-1)).toMatch(/^All ranks were started 2 times in a row and failed soon/);
});

it("does not repeat bad input", async () => {
  const run = launcher("process.exit(2)", { restarts: 3, crashSeconds: 0 });
  expect(await run.code).toBe(2);
  expect(run.said).toHaveLength(1);
});

it("passes a signal on once, waits longer than the grace period for ranks that save, and keeps their exit code", async () => {
  const run = launcher(
    `process.on("SIGTERM", () => { console.log("saving"); setTimeout(() => process.exit(143), process.env.RANK * 800); });
    setInterval(() => {}, 1000); console.log("ready");`,
    { restarts: 3, graceSeconds: 0.1 },
  );
  await run.until(() => lines(run.stdout).length === 2);
  run.signals.emit("SIGTERM", "SIGTERM");
  expect(await run.code).toBe(143);
  expect(lines(run.stdout)).toEqual(["[0] ready", "[0] saving", "[1] ready", "[1] saving"]);
  expect(run.said.join()).not.toContain("Starting");
});

it("ends ranks at once at the second signal", async () => {
  const run = launcher('process.on("SIGINT", () => {}); setInterval(() => {}, 1000); console.log("ready");');
  await run.until(() => lines(run.stdout).length === 2);
  run.signals.emit("SIGINT", "SIGINT");
  run.signals.emit("SIGINT", "SIGINT");
  expect(await run.code).toBe(137);
  expect(run.said[1]).toBe("SIGINT again: ending all ranks at once.");
});

it("says which program could not be started", async () => {
  const run = launcher("", { command: [join(folder, "nothing")] });
  expect(await run.code).toBe(127);
  expect(run.said[0]).toContain("ENOENT");
});

it("runs one job on several nodes, which start again together after a rank of one is lost", async () => {
  const master = { host: "127.0.0.1", port: await freePort() };
  const script = `${notes()}const { RANK, WORLD_SIZE, LOCAL_RANK, NODE_RANK, MASTER_PORT, TORCHELASTIC_RESTART_COUNT: start } = process.env;
    console.log(start, RANK, WORLD_SIZE, LOCAL_RANK, NODE_RANK, MASTER_PORT);
    if (start === "0") {
      if (RANK === "2") { await seen("0"); await seen("1"); process.exit(1); }
      made(RANK);
      setInterval(() => {}, 1000);
    }`;
  const first = launcher(script, { nodes: 2, node: 1, ranks: 2, master });
  const zero = launcher(script, { nodes: 2, node: 0, ranks: 1, master, restarts: 1, crashSeconds: 0 });
  expect(await Promise.all([zero.code, first.code])).toEqual([0, 0]);
  const ports = [...zero.stdout.text.matchAll(/(\d+)\n/g)].map(([, port]) => port);
  expect(lines(zero.stdout)).toEqual([`[0] 0 0 3 0 0 ${ports[0]}`, `[0] 1 0 3 0 0 ${ports[1]}`]);
  expect(lines(first.stdout)).toEqual(
    [0, 1]
      .flatMap((start) => [1, 2].map((rank) => `[${rank}] ${start} ${rank} 3 ${rank - 1} 1 ${ports[start]}`))
      .sort(),
  );
  expect(zero.said.join("\n")).toMatch(/Rank 2 \(process \d+ on .+\) ended with exit code 1/);
});

it("takes a signal at any node for all, and one that every node gets for one", async () => {
  const master = { host: "127.0.0.1", port: await freePort() };
  const script = `process.on("SIGTERM", () => { console.log("saving"); setTimeout(() => process.exit(143), 200); });
    setInterval(() => {}, 1000); console.log("ready");`;
  const nodes = [0, 1].map((node) => launcher(script, { nodes: 2, node, ranks: 1, master }));
  for (const node of nodes) await node.until(() => node.stdout.text.includes("ready"));
  for (const node of nodes.toReversed()) node.signals.emit("SIGTERM", "SIGTERM");
  expect(await Promise.all(nodes.map(({ code }) => code))).toEqual([143, 143]);
  for (const { stdout } of nodes) expect(stdout.text).toContain("saving");
});

it("ends its ranks and says so where node 0 goes away", async () => {
  const server = createServer((socket) => {
    const order = {
      generation: 0,
      worldSize: 2,
      firstRank: 1,
      ranks: 1,
      node: 1,
      masterHost: "127.0.0.1",
      masterPort: 1,
    };
    socket.write(`${JSON.stringify({ type: "start", order })}\n`);
    socket.on("error", () => {});
    setTimeout(() => socket.destroy(), 200);
  });
  const port = await freePort();
  server.listen(port);
  const run = launcher("setInterval(() => {}, 1000)", {
    nodes: 2,
    node: 1,
    ranks: 1,
    master: { host: "127.0.0.1", port },
  });
  await expect(run.code).rejects.toThrow(`Node 0 at 127.0.0.1:${port} is gone`);
  server.close();
});

it("names nodes that do not come, node 0 that is not there, and a port that is taken", async () => {
  const master = { host: "127.0.0.1", port: await freePort() };
  const few = { nodes: 3, master, joinSeconds: 0.3 };
  await expect(launcher("", { ...few, node: 0 }).code).rejects.toThrow(
    "nodes 1, 2 did not come within 0.3 s",
  );
  const lost = launcher("", { ...few, node: 2 });
  await expect(lost.code).rejects.toThrow(
    `Node 2 cannot reach node 0 at 127.0.0.1:${master.port} within 0.3 s`,
  );
  expect(lost.said[0]).toContain("ECONNREFUSED");
  const taken = createServer().listen(master.port);
  await expect(launcher("", few).code).rejects.toThrow(
    `Cannot listen on port ${master.port}: another program listens there`,
  );
  taken.close();
});

it("refuses a node of another version, or with a number that is taken, by name", async () => {
  const master = { host: "127.0.0.1", port: await freePort() };
  const over = join(folder, "over");
  const script = `import { existsSync } from "node:fs";
    const poll = setInterval(() => existsSync(${JSON.stringify(over)}) && clearInterval(poll), 10);`;
  const zero = launcher(script, { nodes: 2, node: 0, ranks: 1, master });
  await expect(launcher(script, { nodes: 2, node: 1, master, version: "2" }).code).rejects.toThrow(
    /runs rarity 2 and node 0 1: install the same version/,
  );
  await expect(launcher(script, { nodes: 3, node: 1, master }).code).rejects.toThrow(
    /with --nodes 3 and node 0 with --nodes 2/,
  );
  const one = launcher(script, { nodes: 2, node: 1, ranks: 1, master });
  await one.until(() => zero.said.some((line) => line.startsWith("Node 1 is here")));
  await expect(launcher(script, { nodes: 2, node: 1, master }).code).rejects.toThrow(
    /each node needs its own/,
  );
  writeFileSync(over, "");
  expect(await Promise.all([zero.code, one.code])).toEqual([0, 0]);
});

it("waits for a node that went away to come again", async () => {
  const master = { host: "127.0.0.1", port: await freePort() };
  const zero = launcher('if (process.env.TORCHELASTIC_RESTART_COUNT === "0") setInterval(() => {}, 1000);', {
    nodes: 2,
    node: 0,
    ranks: 1,
    master,
    restarts: 1,
    crashSeconds: 0,
  });
  const { connect } = await import("node:net");
  const gone = connect(master.port, "127.0.0.1");
  gone.write(`${JSON.stringify({ type: "hello", version: "1", node: 1, nodes: 2, ranks: 1, host: "a" })}\n`);
  await zero.until(() => zero.said.some((line) => line.startsWith("Node 1 is here")));
  await pause(200);
  gone.destroy();
  await zero.until(() => zero.said.some((line) => line.includes("Node 1 (a) is gone")));
  const again = launcher("", { nodes: 2, node: 1, ranks: 1, master });
  expect(await Promise.all([zero.code, again.code])).toEqual([0, 0]);
});

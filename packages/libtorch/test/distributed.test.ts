/** Several ranks as real processes: what they compute together, and what happens when one is gone. */
import { execFileSync, spawnSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildRecord, cudaDevices, distributed, isAvailable, numbers, tensor } from "../src/index.js";
import { freePort, type Outcome, programPath, runCommand, runRanks } from "./distributed/ranks.js";

const LIMIT = 120_000;
const devices = isAvailable() ? cudaDevices() : 0;

/** What each rank printed, where all ended well. */
function printed(outcomes: readonly Outcome[]): Record<string, unknown>[] {
  for (const { code, stderr } of outcomes) expect({ code, stderr }).toMatchObject({ code: 0 });
  return outcomes.map(({ stdout }) => JSON.parse(stdout) as Record<string, unknown>);
}

/** The sentence with which a process ended. */
const lastWords = ({ stderr }: Outcome): string =>
  stderr.split("\n").find((line) => /^\w*Error/.test(line)) ?? stderr;

const seenByAll = {
  worldSize: 2,
  sum: [3, 2, -1],
  avg: [1.5, 1, -0.5],
  max: [2, 2, 0],
  min: [1, 0, -1],
  integers: [3, 2 ** 41],
  float16: [2],
  broadcast: [10, 3],
  gathered: [
    { shape: [2, 1], numbers: [0, 0.5] },
    { shape: [2, 1], numbers: [1, 1.5] },
  ],
  refused: [
    "TypeError: An average of int64 would not be exact: take the sum, or convert to float32.",
    'TypeError: allReduce knows sum, avg, max, min, not "product".',
    "RangeError: broadcast takes a rank from 0 to 1, not 9.",
  ],
  large: 3,
  leaked: 0,
};

describe.skipIf(!isAvailable())("several ranks", { timeout: LIMIT }, () => {
  it("see the same results of collective operations", async () => {
    const outcomes = await runRanks("collectives");
    expect(outcomes.map(({ stderr }) => stderr)).toEqual(["", ""]);
    expect(printed(outcomes)).toEqual([
      { rank: 0, localRank: 0, ...seenByAll },
      { rank: 1, localRank: 1, ...seenByAll },
    ]);
  });

  it("meet at a host name", async () => {
    const known = await lookup(hostname()).then(
      () => true,
      () => false,
    );
    const host = known ? hostname() : "localhost";
    expect(printed(await runRanks("collectives", { host }))[1]).toMatchObject(seenByAll);
  });

  it("can use the network interface that GLOO_SOCKET_IFNAME names", async () => {
    const variables = () => ({ GLOO_SOCKET_IFNAME: "lo" });
    expect(printed(await runRanks("collectives", { variables }))[1]).toMatchObject(seenByAll);
  });

  // The one that came with this libtorch: others may speak another protocol. Debian's 1.13 cannot start anything.
  const torchrun = join(buildRecord()?.library ?? "/none", "../../../../../bin/torchrun");
  const starts = isAvailable() && spawnSync(torchrun, ["--no_python", "true"]).status === 0;
  it.skipIf(!starts)("can be started by torchrun", async () => {
    const flags = ["--nproc_per_node", "2", "--master_port", String(await freePort()), "--no_python"];
    const program = [process.execPath, programPath("collectives")];
    const { code, stdout } = await runCommand([torchrun, ...flags, ...program]);
    expect(code).toBe(0);
    const seen = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { rank: number });
    expect(seen.sort((a, b) => a.rank - b.rank)[1]).toEqual({ rank: 1, localRank: 1, ...seenByAll });
  });

  const count = Math.min(devices, 2);
  it.skipIf(count === 0)("reduce CUDA tensors with NCCL, one device a rank", async () => {
    const seen = printed(await runRanks("nccl", { count, args: ["nccl"] }));
    const sum = count === 1 ? 1 : 3;
    for (const rank of seen)
      expect(rank).toEqual({ sum: [sum], average: [sum / count], cpu: [sum], gradient: [sum / count] });
  });

  /** Parameters after ten steps; equal in every bit on all ranks. */
  async function trained(mode: string, count: number): Promise<{ parameters: number[]; underWay: unknown }> {
    const outcomes =
      count === 1
        ? [await runCommand([process.execPath, programPath("training"), mode])]
        : await runRanks("training", { count, args: [mode] });
    const results = printed(outcomes) as { parameters: number[][]; underWay: number; leaked: number }[];
    const [{ parameters, underWay }] = results as [(typeof results)[0]];
    for (const result of results) expect(result).toMatchObject({ parameters, leaked: 0 });
    return { parameters: parameters.flat(), underWay };
  }

  // Parameters are at most 1; the sums over the batch are taken in another order, and rounded ten times.
  it.each([
    ["plain", 2],
    ["plain", 3],
    ["noSync", 2],
    ["blocks", 2],
    ["unused", 2],
  ])("train (%s, %d ranks) as one does with the whole batch, within 1e-6 in float32", async (mode, count) => {
    const together = await trained(mode, count);
    const alone = await trained(mode, 1);
    const differences = alone.parameters.map((value, i) => Math.abs(value - together.parameters[i]!));
    expect(together.parameters.length).toBe(alone.parameters.length);
    expect(Math.max(...differences)).toBeLessThan(1e-6);
    // A reduction had started before the last block's backward.
    if (mode === "blocks") expect(together.underWay).toBe(1);
  });
});

it.skipIf(!isAvailable())("a process of its own does what a group of one would do", () => {
  expect([distributed.rank(), distributed.worldSize(), distributed.localRank()]).toEqual([0, 1, 0]);
  using x = tensor([1, 2], { requiresGrad: true });
  expect(distributed.allReduce(x, "avg")).toBe(x);
  const [y] = distributed.allGather(x);
  expect([y === x, numbers(y!)]).toEqual([false, [1, 2]]);
  y?.dispose();
  distributed.barrier();
  using gradients = new distributed.DistributedGradients([x]);
  expect(gradients.noSync(() => 7)).toBe(7);
  gradients.average();
  distributed.closeProcessGroup();
});

describe.skipIf(!isAvailable())(
  "when a rank is gone, the others end with a sentence",
  { timeout: LIMIT },
  () => {
    const TIMEOUT = 3; // seconds, in failing.mjs

    it.each([
      ["throw", "ended with the error: the data is wrong."],
      ["reject", "ended with the error: the data is wrong."],
      ["exit", "ended with exit code 3."],
      ["close", "has closed its process group."],
      ["kill", "is gone: it was killed, crashed or ended."],
      [
        "hang",
        `did not answer within ${TIMEOUT} s: it hangs, computes longer than that, or its machine is gone.`,
      ],
    ])("%s", async (how, words) => {
      for (const failing of how === "hang" ? [1] : [1, 0]) {
        const other = 1 - failing;
        const variables = () => ({ FAILING: String(failing) });
        const outcomes = await runRanks("failing", { args: [how], variables });
        const { code, stdout, stderr } = outcomes[other]!;
        expect(code).toBe(1);
        expect(lastWords(outcomes[other]!)).toContain(
          `Rank ${other} of 2: allReduce of Tensor([100000], float32`,
        );
        expect(stderr).toMatch(
          new RegExp(`Rank ${failing} \\(process \\d+ on [^)]+\\) ${words.replaceAll(".", "\\.")}`),
        );
        const { after } = JSON.parse(stdout) as { after: number };
        expect(after).toBeLessThan(TIMEOUT + 2);
      }
    });

    it("tells those that only lost others why it began", async () => {
      const outcomes = await runRanks("failing", {
        count: 3,
        args: ["throw"],
        variables: () => ({ FAILING: "1" }),
      });
      for (const rank of [0, 2]) {
        expect(outcomes[rank]?.code).toBe(1);
        expect(lastWords(outcomes[rank]!)).toMatch(
          new RegExp(
            `Rank ${rank} of 3: .* Rank 1 \\(process \\d+ on .*\\) (ended with the error: the data is wrong|is gone)`,
          ),
        );
      }
    });

    it("and for parameters that differ, or a forgotten average()", async () => {
      const shapes = await runRanks("failing", { args: ["shapes"], variables: () => ({ FAILING: "1" }) });
      const difference = "Parameter 0 is float32 [2,1] here and float32 [1,2] on rank 0.";
      expect(shapes.map(({ code }) => code)).toEqual([1, 1]);
      expect(lastWords(shapes[1]!)).toContain(`Rank 1 of 2: comparing parameters failed. ${difference}`);
      expect(lastWords(shapes[0]!)).toContain(difference);
      const twice = await runRanks("failing", { args: ["twice"] });
      expect(lastWords(twice[0]!)).toContain("A parameter got a gradient twice before average()");
    });
  },
);

describe.skipIf(!isAvailable())("ranks that cannot meet say why", { timeout: LIMIT }, () => {
  const seconds = { TEST_TIMEOUT: "2" };
  it.each<[string, (rank: number) => Record<string, string | undefined>, RegExp[]]>([
    [
      "a missing variable",
      () => ({ MASTER_PORT: undefined }),
      [/MASTER_PORT is not set/, /MASTER_PORT is not set/],
    ],
    [
      "a missing rank",
      () => ({ ...seconds, WORLD_SIZE: "4" }),
      [/ranks 2 and 3 did not join/, /ranks 2 and 3 did not join|rank 0 ended/],
    ],
    [
      "a rank 0 too many",
      () => ({ ...seconds, RANK: "0", LOCAL_RANK: "0" }),
      [/cannot listen on port|rank 1 did not join/, /cannot listen on port|rank 1 did not join/],
    ],
    [
      "different sizes",
      (rank) => ({ ...seconds, WORLD_SIZE: rank === 0 ? "2" : "3" }),
      [/Rank 1 was started with WORLD_SIZE 3, rank 0 with 2/, /rank 2 did not join|rank 0 ended/],
    ],
    [
      "an unknown host",
      () => ({ ...seconds, MASTER_ADDR: "no-such-host.invalid" }),
      [/no-such-host\.invalid/, /no-such-host\.invalid/],
    ],
    [
      "nobody at the port",
      (rank) => ({ ...seconds, RANK: String(rank + 1), LOCAL_RANK: "0", WORLD_SIZE: "3" }),
      [/Rank 1 cannot reach 127\.0\.0\.1:\d+ .* within 2 s/, /Rank 2 cannot reach/],
    ],
  ])("%s", async (_, variables, sentences) => {
    const outcomes = await runRanks("joining", { variables });
    outcomes.forEach((outcome, rank) => {
      expect(outcome.code).toBe(1);
      expect(lastWords(outcome)).toMatch(sentences[rank]!);
    });
  });

  it("a rank twice", async () => {
    const variables = (rank: number) => ({ ...seconds, RANK: String(Math.min(rank, 1)), LOCAL_RANK: "0" });
    const outcomes = await runRanks("joining", { count: 3, variables });
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1]);
    expect(outcomes.map(lastWords).join("\n")).toMatch(/Two processes have RANK 1 at 127\.0\.0\.1:\d+/);
  });

  it.skipIf(devices > 1)("nccl without a device for each rank", async () => {
    const outcomes = await runRanks("joining", { variables: () => ({ TEST_BACKEND: "nccl" }) });
    expect(outcomes[1]?.code).toBe(1);
    expect(lastWords(outcomes[1]!)).toMatch(
      /built without NCCL|LOCAL_RANK is 1, and this machine has [01] CUDA/,
    );
  });

  it("a port in use", async () => {
    const server = createServer().listen(0);
    const { port } = server.address() as { port: number };
    const env = { RANK: "0", WORLD_SIZE: "1", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) };
    const outcome = await runCommand([process.execPath, programPath("joining")], env);
    server.close();
    expect(lastWords(outcome)).toContain(`Rank 0 cannot listen on port ${port}, another program does.`);
  });
});

const namespaces = ["libtorch-test-a", "libtorch-test-b"] as const;
const ip = (...args: string[]) => execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
const inNamespace = (rank: number) => ["ip", "netns", "exec", namespaces[rank]!];

/** Whether this system lets us have network namespaces. */
function canLayCable(): boolean {
  if (process.getuid?.() !== 0 || !isAvailable()) return false;
  const added = spawnSync("ip", ["netns", "add", "libtorch-test-probe"]).status === 0;
  if (added) ip("netns", "del", "libtorch-test-probe");
  return added;
}

/** Two namespaces joined by a cable, as two machines. */
function layCable(): void {
  cutCable();
  for (const name of namespaces) ip("netns", "add", name);
  const [a, b] = namespaces;
  ip(..."link add lt-a netns".split(" "), a, ..."type veth peer name lt-b netns".split(" "), b);
  namespaces.forEach((name, i) => {
    const device = i === 0 ? "lt-a" : "lt-b";
    ip("-n", name, "addr", "add", `10.213.77.${i + 1}/24`, "dev", device);
    ip("-n", name, "link", "set", device, "up");
    ip("-n", name, "link", "set", "lo", "up");
  });
}
function cutCable(): void {
  for (const name of namespaces) spawnSync("ip", ["netns", "del", name]);
}

const cable = canLayCable();
const title = cable ? "two network namespaces" : "two network namespaces: needs root and `ip netns`";

describe.skipIf(!cable)(title, { timeout: LIMIT }, () => {
  beforeAll(layCable);
  afterAll(cutCable);

  it("compute together like two machines", async () => {
    const outcomes = await runRanks("collectives", { host: "10.213.77.1", prefix: inNamespace });
    expect(printed(outcomes)[1]).toMatchObject(seenByAll);
  });

  it("notice within the time-out that the cable was cut", async () => {
    const variables = () => ({ FAILING: "0" });
    const outcomes = await runRanks("failing", {
      host: "10.213.77.1",
      prefix: inNamespace,
      args: ["cut"],
      variables,
    });
    for (const outcome of outcomes) {
      expect(outcome.code).toBe(1);
      expect(lastWords(outcome)).toMatch(
        /did not answer within 3 s|Rank 0 .* does not answer: it, its machine or the network is gone/,
      );
    }
  });
});

/** Two ranks train what one rank trains with twice the batch: losses, norms, weights and averages. */
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { freePort, runCommand } from "../../libtorch/test/distributed/ranks.js";
import { haveLibtorch } from "../src/testing/libtorch.js";

interface Printed {
  readonly reports: { readonly loss: number; readonly correctTokens: number; readonly gradNorm: number }[];
  readonly generator: Record<string, number[]>;
  readonly ema: Record<string, number[]>;
}

const program = fileURLToPath(new URL("programs/train-rank.mjs", import.meta.url));

async function run(settings: object, variables: Record<string, string> = {}): Promise<Printed> {
  const command = [process.execPath, program, JSON.stringify(settings)];
  const { code, stdout, stderr } = await runCommand(command, variables);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout) as Printed;
}

async function twoRanks(settings: object): Promise<[Printed, Printed]> {
  const group = { WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(await freePort()) };
  return Promise.all(
    [0, 1].map((r) => run(settings, { RANK: `${r}`, LOCAL_RANK: `${r}`, ...group })),
  ) as Promise<[Printed, Printed]>;
}

describe.skipIf(!haveLibtorch)("two ranks", () => {
  let alone: Printed;
  beforeAll(async () => {
    alone = await run({ rowsEach: 8, microBatches: 1 });
  });

  it.each([
    ["whole batches", { rowsEach: 4, microBatches: 1 }],
    ["two micro-batches", { rowsEach: 2, microBatches: 2 }],
    ["blocks computed again", { rowsEach: 4, microBatches: 1, checkpointing: true }],
  ])("train as one with twice the batch: %s", async (_, settings) => {
    const [first, second] = await twoRanks(settings);
    expect(second).toEqual({ ...first, rank: 1 });
    for (const [i, report] of first.reports.entries()) {
      const { loss, correctTokens, gradNorm } = alone.reports[i]!;
      expect(report.loss / loss).toBeCloseTo(1, 5);
      expect(report.gradNorm / gradNorm).toBeCloseTo(1, 5);
      expect(report.correctTokens).toBeCloseTo(correctTokens, 6);
    }
    for (const part of ["generator", "ema"] as const)
      for (const [name, numbers] of Object.entries(alone[part])) {
        if (name.endsWith("k_norm.bias")) continue; // noise, see REFERENCE 9.8
        const largest = Math.max(...numbers.map(Math.abs));
        for (const [i, number] of numbers.entries())
          expect(Math.abs(first[part][name]![i]! - number), `${part} ${name}`).toBeLessThan(2e-4 * largest);
      }
  });
});

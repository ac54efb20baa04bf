/** Guesses never change what is drawn, only how many steps it takes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionId, type GeneratorConfig } from "../../config/architecture.js";
import { tokenDomain } from "../../drawing/noise.js";
import { type DrawPlan, drawPlace } from "../../drawing/plan.js";
import { modulationParts } from "../../networks/generator.js";
import { randomArray, tinyGenerator } from "../../testing/random-model.js";
import { ModulationTables } from "./modulation.js";
import { StepRunner } from "./runner.js";
import type { Positions, StepEngine } from "./stepper.js";
import { WindowChoice } from "./window.js";

const config: GeneratorConfig = { ...tinyGenerator, codebookSize: 8, tokens: 50 };
const K = config.codebookSize;

/**
 * A network without weights: logits depend on the last `memory` things that stand before a place. It fails the test when a
 * position is begun twice, or over positions that were never kept.
 */
function pretended(memory: number, block: number): { engine: StepEngine; steps: () => number } {
  let steps = 0;
  const engine: StepEngine = {
    filled: (rows) => rows,
    most: 1,
    open(rows) {
      const kept: number[][] = Array.from({ length: rows }, () => []);
      let last: Positions | undefined;
      return {
        room: (position) => block - (position % block),
        modulate() {},
        step(positions) {
          steps++;
          last = positions;
          const T = positions.content.length / rows;
          expect(T).toBeLessThanOrEqual(block - (positions.first % block));
          expect(kept[0]).toHaveLength(positions.first);
          const out: number[] = [];
          for (let row = 0; row < rows; row++)
            for (let i = 0; i < T; i++) {
              const seen = [...kept[row]!, ...positions.content.subarray(row * T, row * T + i + 1)];
              const key = seen
                .slice(Math.max(2, seen.length - memory))
                .reduce((sum, id) => 31 * sum + id, row);
              out.push(...randomArray((positions.first + i) * 7919 + (memory > 0 ? key : row), K, 3));
            }
          return Float32Array.from(out);
        },
        advance(T, count) {
          expect(last!.content).toHaveLength(rows * T);
          for (const [row, own] of kept.entries())
            own.push(...last!.content.subarray(row * T, row * T + count));
        },
        close() {},
      };
    },
    release: async () => {},
  };
  return { engine, steps: () => steps };
}

function runner(engine: StepEngine, guided: boolean, window: number): StepRunner {
  const tables = new ModulationTables({
    positions: config.tokens + 1,
    pinned: 0,
    compute: async (conditions) =>
      new Float32Array(conditions.length * modulationParts(config) * config.width),
  });
  const request = { conditions: Int32Array.of(conditionId(config, 1)), guided };
  return new StepRunner(config, engine, tables, request, new WindowChoice(window, window));
}

const plan = (seed: number, temperature: number): DrawPlan => ({
  place: 0,
  count: 1,
  temperature,
  factors: Float32Array.from({ length: config.tokens }, (_, i) => 1 + i / 20),
  noise: { kind: "philox", seed, indices: [3], domain: tokenDomain },
});

describe("StepRunner", () => {
  it("draws one position after the other what it draws with guesses", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          memory: fc.constantFrom(0, 1, 2, 9),
          block: fc.constantFrom(1, 5, 32, 100),
          window: fc.integer({ min: 2, max: 12 }),
          guided: fc.boolean(),
          seed: fc.nat(1e6),
          temperature: fc.constantFrom(0, 0.3, 1),
          given: fc.constantFrom(0, 1, 7),
        }),
        async ({ memory, block, window, guided, seed, temperature, given }) => {
          const settings = plan(seed, temperature);
          const { tokens: L } = config;
          const draw = async (width: number) => {
            const { engine, steps } = pretended(memory, block);
            const one = runner(engine, guided, width);
            const drawn: number[] = [];
            if (given > 0) await one.prefill();
            for (let place = 0; place < given; place++) {
              await one.step(Int32Array.of(place % K));
              drawn.push(place % K);
            }
            for (let place = given; place < L; ) {
              const count = Math.min(1 + ((place + seed) % 3), L - place);
              drawn.push(...(await one.draw({ ...settings, place, count })));
              place += count;
            }
            await expect(one.draw({ ...settings, place: L })).rejects.toThrow(/cannot be drawn now/);
            expect(one.steps).toBe(steps());
            return { drawn, steps: steps() };
          };
          const [alone, together] = [await draw(1), await draw(window)];
          expect(together.drawn).toEqual(alone.drawn);
          expect(alone.steps).toBe(L + 1);
          expect(together.steps).toBeLessThanOrEqual(alone.steps);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("needs few steps where a place does not depend on the one before", async () => {
    const { engine, steps } = pretended(0, 1000);
    const one = runner(engine, true, 8);
    for (let place = 0; place < config.tokens; place++) await one.draw({ ...plan(1, 1), place });
    // At first all guesses are poor: drawn from the logits of another place. After that a step in eight draws what is new.
    expect(steps()).toBeLessThan(config.tokens / 2);
  });

  it("draws no place twice, and takes no token for one that was drawn ahead", async () => {
    const { engine, steps } = pretended(0, 1000);
    const one = runner(engine, true, 8);
    let ahead = 0;
    for (let place = 0; place < 40; place++) {
      const before = steps();
      await one.draw({ ...plan(1, 1), place });
      await expect(one.draw({ ...plan(1, 1), place })).rejects.toThrow(/cannot be drawn now/);
      if (place === 0 || steps() > before) continue;
      // It was known already; where the next is known too, a step would contradict it.
      const error = await one.step(Int32Array.of(0)).catch((reason: Error) => reason);
      if (!(error instanceof Error)) return expect(ahead).toBeGreaterThan(0);
      expect(error.message).toMatch(/drawn already/);
      ahead++;
    }
    expect(ahead).toBeGreaterThan(0);
  });

  it("draws what the drawing rule draws from a place's logits", async () => {
    const { engine } = pretended(1, 32);
    const outside = runner(engine, true, 1);
    const inside = runner(pretended(1, 32).engine, true, 6);
    const settings = plan(9, 0.8);
    let logits = await outside.prefill();
    for (let place = 0; place < config.tokens; place++) {
      const wanted = drawPlace(logits, 1, K, settings, place);
      expect([...(await inside.draw({ ...settings, place }))]).toEqual([...wanted]);
      if (place + 1 < config.tokens) logits = await outside.step(wanted);
    }
  });
});

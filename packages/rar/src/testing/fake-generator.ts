/** A generator without a network, for tests of the loop around one: its logits are a function the test gives. */
import type { GeneratorConfig } from "../config/architecture.js";
import { type DrawPlan, drawPlace } from "../drawing/plan.js";
import type { Generator, SessionRequest } from "../engines/engine.js";
import { tinyGenerator } from "./random-model.js";

export interface FakeGenerator extends Generator {
  /** What was asked for, in order. */
  readonly requests: SessionRequest[];
  /** Tokens of every step of every session, in order. */
  readonly steps: number[][];
  /** Sessions not yet disposed. */
  live(): number;
}

/**
 * @param logit - of a code at a place, for a row's condition (-1: an unconditional row)
 * @param milliseconds - how long a step takes
 */
export function fakeGenerator(
  logit: (place: number, code: number, condition: number) => number,
  { config = tinyGenerator, milliseconds = 0 }: { config?: GeneratorConfig; milliseconds?: number } = {},
): FakeGenerator {
  const requests: SessionRequest[] = [];
  const steps: number[][] = [];
  let count = 0;
  return {
    config,
    requests,
    steps,
    live: () => count,
    weightBytes: 0,
    sessionBytes: (rows) => rows,
    async open(request) {
      requests.push(request);
      count++;
      const { conditions, guided } = request;
      const images = conditions.length;
      const rows = guided ? 2 * images : images;
      const K = config.codebookSize;
      let place = 0;
      const logits = async (): Promise<Float32Array> => {
        if (milliseconds) await new Promise((resolve) => setTimeout(resolve, milliseconds));
        const here = place++;
        return Float32Array.from({ length: rows * K }, (_, i) =>
          logit(here, i % K, conditions[Math.floor(i / K)] ?? -1),
        );
      };
      let open = true;
      let known: Promise<Float32Array> | undefined;
      const prefill = () => {
        known = logits();
        return known;
      };
      const step = (tokens: Int32Array) => {
        steps.push([...tokens]);
        known = logits();
        return known;
      };
      let drawn: Int32Array | undefined;
      const draw = async (plan: DrawPlan): Promise<Int32Array> => {
        if (!open) throw new RangeError("this session was disposed");
        const rows = await (drawn ? step(drawn) : (known ?? prefill()));
        drawn = drawPlace(rows, images, K, plan, plan.place);
        return drawn;
      };
      let last: Promise<unknown> = Promise.resolve();
      return {
        rows,
        prefill,
        step,
        draw(plan) {
          const own = last.then(() => draw(plan));
          last = own.catch(() => {});
          return own;
        },
        [Symbol.asyncDispose]: async () => {
          if (open) count--;
          open = false;
        },
      };
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

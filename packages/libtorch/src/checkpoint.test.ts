import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import {
  add,
  autocast,
  type Block,
  backward,
  checkpointBlocks,
  dropout,
  gelu,
  generatorState,
  linear,
  manualSeed,
  mul,
  numbers,
  randn,
  scope,
  silu,
  sum,
  Tensor,
  to,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

const WIDTH = 16;

describeWithLibtorch("checkpointBlocks", () => {
  /** Three residual blocks with dropout, modulated by a second input, and their weights. */
  function model(): { blocks: Block[]; weights: Tensor[] } {
    manualSeed(0);
    const weights: Tensor[] = [];
    const weight = (rows: number): Tensor => {
      const w = randn([rows, WIDTH]);
      w.requiresGrad = true;
      weights.push(w);
      return w;
    };
    const blocks = [0, 1, 2].map((): Block => {
      const [gate, up, down] = [weight(WIDTH), weight(WIDTH), weight(WIDTH)];
      return (x, c) =>
        add(x, mul(linear(silu(c!), gate), linear(dropout(gelu(linear(x, up)), 0.3, true), down)));
    });
    return { blocks, weights };
  }

  /** Everything that comes out of a forward and backward, as numbers. */
  function everything(forward: (fn: () => Tensor) => Tensor, checkpointed: boolean): unknown {
    return scope(() => {
      const { blocks, weights } = model();
      const [x, c] = [randn([5, WIDTH]), randn([5, WIDTH])];
      x.requiresGrad = c.requiresGrad = true;
      const done: number[] = [];
      if (checkpointed) {
        const run = forward(() => {
          const made = checkpointBlocks(blocks, [x, c]);
          ends.push((gradient) => made.backward(gradient, (i) => done.push(i)));
          return made.output;
        });
        const noise = randn([5, WIDTH]); // drawn between forward and backward
        backward(sum(mul(to(run, { dtype: "float32" }), noise)));
        const [dx, dc] = ends.pop()!(run.grad!);
        backward([mul(x, 1), mul(c, 1)], { gradients: [dx!, dc!] });
        expect(done).toEqual([2, 1, 0]);
      } else {
        const y = forward(() => blocks.reduce((h, block) => block(h, c), x));
        const noise = randn([5, WIDTH]);
        backward(sum(mul(to(y, { dtype: "float32" }), noise)));
      }
      return [x, c, ...weights].map((w) => numbers(w.grad!)).concat([numbers(generatorState())]);
    });
  }
  const ends: ((gradient: Tensor) => (Tensor | null)[])[] = [];

  it("gives the same bits as a plain backward, with dropout, and leaves the generator the same", () => {
    const plain = everything((fn) => fn(), false);
    expect(everything((fn) => fn(), true)).toEqual(plain);
  });

  it("computes blocks again under the autocast of the forward", () => {
    const cast = (fn: () => Tensor): Tensor => autocast({ device: "cpu" }, fn);
    const plain = everything(cast, false);
    expect(everything(cast, true)).toEqual(plain);
    expect(plain).not.toEqual(everything((fn) => fn(), false));
  });

  it("leaves weights that are used again in the same autocast their gradients", () => {
    scope(() => {
      const w = randn([WIDTH, WIDTH]);
      w.requiresGrad = true;
      const y = autocast({ device: "cpu" }, () =>
        linear(checkpointBlocks([(x) => linear(x, w)], [randn([2, WIDTH])]).output, w),
      );
      backward(sum(to(y, { dtype: "float32" })));
      expect(w.grad).toBeInstanceOf(Tensor);
    });
  });

  it("gives no gradient to inputs that require none, and skips what depends on none", () => {
    scope(() => {
      const w = randn([WIDTH, WIDTH]);
      w.requiresGrad = true;
      const [x, c] = [randn([2, WIDTH]), randn([2, WIDTH])];
      const run = checkpointBlocks([(a, b) => add(a, b!), (a) => linear(a, w)], [x, c]);
      backward(sum(run.output));
      expect(run.backward(run.output.grad!)).toEqual([null, null]);
      expect(w.grad).toBeInstanceOf(Tensor);
      expect(() => run.backward(run.output.grad!)).toThrow("has run");
    });
  });

  it("restores the generator and frees what it kept when a block throws in backward", () => {
    scope(() => {
      let calls = 0;
      const failing: Block = (x) => {
        if (++calls === 2) throw new Error("second time");
        return dropout(x, 0.5, true);
      };
      const run = checkpointBlocks([failing], [randn([4])]);
      const state = numbers(generatorState());
      const gradient = randn([4]);
      manualSeed(3);
      const seeded = numbers(generatorState());
      expect(() => run.backward(gradient)).toThrow("second time");
      expect(numbers(generatorState())).toEqual(seeded);
      expect(seeded).not.toEqual(state);
    });
  });

  it("needs less memory", () => {
    const program = fileURLToPath(new URL("../test/fixtures/checkpoint-memory.mjs", import.meta.url));
    // glibc's heap keeps what was freed between other pieces: with large pieces outside of it, the peak is what is alive
    const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "1000000" };
    const peak = (way: string): number =>
      Number(execFileSync(process.execPath, [program, way], { encoding: "utf8", env }));
    // 16 hidden layers of 4096 x 512 float32 numbers, three times each, are 400 MB; of one block it is 25
    expect(peak("checkpoint")).toBeLessThan(0.4 * peak("plain"));
  });
});

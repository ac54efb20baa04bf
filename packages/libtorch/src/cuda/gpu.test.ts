/** CUDA on a GPU. Skipped without one; `scripts/gpu-check cuda` runs it where there is one. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  add_,
  allclose,
  amax,
  backward,
  copy_,
  cuda,
  equal,
  fill_,
  item,
  type Tensor as LibtorchTensor,
  linear,
  liveTensors,
  manualSeed,
  matmul,
  mean,
  mul,
  numbers,
  ones,
  randn,
  relu,
  scope,
  sub,
  tensor,
  transpose,
  zeros,
} from "../index.js";

const device = "cuda:0";
const MiB = 2 ** 20;

describe.skipIf(!cuda.isAvailable())("CUDA on a GPU (skipped where there is none)", () => {
  let live = 0;
  beforeEach(() => {
    live = liveTensors().count;
  });
  afterEach(() => {
    cuda.synchronize();
    expect(liveTensors().count).toBe(live);
  });

  /** A matrix whose powers stay of one size, and keep the GPU busy for some milliseconds. */
  const heavy = (): LibtorchTensor => mul(randn([2048, 2048], { device }), 1 / Math.sqrt(2048));
  function power(x: LibtorchTensor, times: number): LibtorchTensor {
    let y = x;
    for (let i = 0; i < times; i++) y = matmul(y, x);
    return y;
  }

  it("has properties", () => {
    const properties = cuda.properties(device);
    expect(properties.name).toMatch(/\w/);
    expect(properties.computeCapability).toMatch(/^\d+\.\d+$/);
    expect(properties.multiprocessors).toBeGreaterThan(0);
    expect(properties.totalMemory).toBeGreaterThan(500 * MiB);
    expect(properties.memoryBandwidth ?? 1e9).toBeGreaterThan(1e8);
    console.log(JSON.stringify(properties));
  });

  it("names a device that is not there, or is none of CUDA's", () => {
    expect(() => new cuda.Stream({ device: "cuda:99" })).toThrow(/cuda:99 is not there/);
    expect(() => cuda.memory("cpu")).toThrow(/cpu is no CUDA device/);
    expect(() => cuda.synchronize("gpu")).toThrow(/device/);
  });

  it("a stream's work is done before what waits for it", () =>
    scope(() => {
      const x = heavy();
      const expected = power(x, 30);
      const result = zeros([2048, 2048], { device });
      const side = new cuda.Stream();
      side.waitFor(cuda.Stream.current());
      side.uses(x);
      side.uses(result);
      side.run(() => scope(() => void copy_(result, power(x, 30))));
      cuda.Stream.current().waitFor(side);
      const after = mul(result, 2); // on the outer stream
      expect(equal(after, mul(expected, 2))).toBe(true);
      side.synchronize();
      expect(side.done).toBe(true);
    }));

  it("an event orders two streams and measures time", () =>
    scope(() => {
      const x = heavy();
      const [a, b] = [new cuda.Stream(), new cuda.Stream({ highPriority: true })];
      for (const stream of [a, b]) {
        stream.waitFor(cuda.Stream.current());
        stream.uses(x);
      }
      const start = new cuda.Event({ timing: true });
      const end = new cuda.Event({ timing: true });
      const y = a.run(() => {
        power(x, 2); // so that libraries are loaded before the clock runs
        start.record();
        const y = power(x, 20);
        end.record();
        return y;
      });
      b.waitFor(end);
      b.uses(y);
      const z = b.run(() => sub(y, y));
      b.synchronize();
      expect(item(amax(z))).toBe(0);
      // 20 products of 2048 take 3.4e11 operations; no GPU does 1e16 a second
      expect(start.elapsed(end)).toBeGreaterThan(0.03);
      expect(() => new cuda.Event().record().elapsed(end)).toThrow(/timing/);
      expect(() => new cuda.Event({ timing: true }).elapsed(end)).toThrow(/recorded/);
    }));

  it("refuses a CPU tensor for a stream", () =>
    scope(() => {
      expect(() => new cuda.Stream().uses(ones([1]))).toThrow(/CUDA device/);
    }));

  it("memory goes up with tensors and down without, and the peak stays", () => {
    cuda.emptyCache();
    const before = cuda.memory();
    cuda.resetPeakMemory();
    scope(() => {
      ones([64 * MiB], { device, dtype: "uint8" });
      ones([64 * MiB], { device, dtype: "uint8" });
      const during = cuda.memory();
      expect(during.allocated - before.allocated).toBe(128 * MiB);
      expect(during.reserved - before.reserved).toBeGreaterThanOrEqual(128 * MiB);
    });
    const after = cuda.memory();
    expect(after.allocated).toBe(before.allocated);
    expect(after.allocatedPeak - before.allocated).toBe(128 * MiB);
    cuda.resetPeakMemory();
    expect(cuda.memory().allocatedPeak).toBe(before.allocated);
    expect(cuda.memory().reserved).toBeGreaterThan(before.reserved);
    cuda.emptyCache();
    expect(cuda.memory().reserved).toBeLessThanOrEqual(before.reserved);
    expect(after.total).toBeGreaterThan(after.free);
  });

  describe("kernels of one's own", () => {
    const source = `
      extern "C" __global__ void scale(float* x, int n, float factor, const float* more) {
        const int i = blockIdx.x * blockDim.x + threadIdx.x;
        if (i < n) x[i] = x[i] * factor + (more ? more[i] : SHIFT);
      }
      extern "C" __global__ void types(double* out, long long a, double b, int c) {
        extern __shared__ double room[];
        room[0] = a + b;
        out[0] = room[0] + (unsigned)c;
      }
      // Adds 1 after waiting for the kernel before.
      extern "C" __global__ void next(int* x) {
        #if __CUDA_ARCH__ >= 900
        asm volatile("griddepcontrol.wait;" ::: "memory");
        asm volatile("griddepcontrol.launch_dependents;");
        #endif
        if (threadIdx.x == 0 && blockIdx.x == 0) x[0]++;
      }`;
    const parameters = {
      scale: ["tensor", "int", "float", "tensor"],
      types: ["tensor", "long", "double", "int"],
      next: ["tensor"],
    } as const;
    const options = { device, defines: { SHIFT: "0.5f" } };

    it("are compiled and launched", () =>
      scope(() => {
        const { scale, types } = cuda.compileKernels(source, parameters, options);
        const x = ones([1000], { device });
        scale.launch({ grid: 4, block: [256] }, x, 1000, 3, null);
        expect(numbers(x)).toEqual(Array(1000).fill(3.5));
        scale.launch({ grid: 4, block: [256] }, x, 500, 1, x);
        expect(numbers(x)).toEqual([...Array(500).fill(7), ...Array(500).fill(3.5)]);
        const out = zeros([1], { device, dtype: "float64" });
        types.launch({ grid: 1, block: 1, shared: 60_000 }, out, -(2 ** 40), 0.25, 2 ** 32 - 1);
        expect(numbers(out)).toEqual([-(2 ** 40) + 0.25 + 2 ** 32 - 1]);
      }));

    it("are recorded by a graph, also those that start early", () =>
      scope(() => {
        const { next } = cuda.compileKernels(source, parameters, options);
        const x = zeros([1], { device, dtype: "int32" });
        using graph = new cuda.Graph({ warmUp: 1 });
        graph.capture(() => {
          for (let i = 0; i < 100; i++) next.launch({ grid: 64, block: 128, dependent: i > 0 }, x);
        });
        fill_(x, 0);
        for (let i = 0; i < 10; i++) graph.replay();
        expect(numbers(x)).toEqual([1000]);
      }));

    it("say what is wrong", () =>
      scope(() => {
        expect(() => cuda.compileKernels("nonsense", {}, { device })).toThrow(
          /do not compile.*kernel\.cu\(1\)/s,
        );
        expect(() => cuda.compileKernels(source, { other: [] }, options)).toThrow(/no kernel other/);
        const { scale } = cuda.compileKernels(source, parameters, options);
        const x = ones([4, 4], { device });
        const launch =
          (...args: cuda.KernelArgument[]) =>
          () =>
            scale.launch({ grid: 1, block: 16 }, ...args);
        expect(launch(x, 16)).toThrow("scale takes 4 arguments, 2 were given.");
        expect(launch(x, 1.5, 1, null)).toThrow(/fits "int".*argument 1 of the kernel scale, not 1\.5/);
        expect(launch(3, 16, 1, null)).toThrow(/argument 0 of the kernel scale/);
        expect(launch(ones([16]), 16, 1, null)).toThrow(/scale: argument 0 .* contiguous and on cuda:0.*cpu/);
        expect(launch(transpose(ones([4, 2], { device }), 0, 1), 8, 1, null)).toThrow(/not contiguous/);
        expect(() => scale.launch({ grid: 1, block: 4096 }, x, 16, 1, null)).toThrow(/scale: CUDA error/);
      }));
  });

  describe("a graph", () => {
    it("replayed gives what eager calls give, for every input", () =>
      scope(() => {
        const [w1, b1, w2] = [
          randn([256, 64], { device }),
          randn([256], { device }),
          randn([8, 256], { device }),
        ];
        const network = (x: LibtorchTensor) => scope(() => linear(relu(linear(x, w1, b1)), w2));
        const input = zeros([16, 64], { device });
        using graph = new cuda.Graph();
        const output = graph.capture(() => network(input));
        for (let i = 0; i < 3; i++) {
          const x = randn([16, 64], { device });
          copy_(input, x);
          graph.replay();
          expect(allclose(output, network(x), 1e-5, 1e-5)).toBe(true);
        }
      }));

    it("holds a whole training step", () =>
      scope(() => {
        const target = randn([32, 1], { device });
        const x = randn([32, 64], { device });
        const start = randn([1, 64], { device });
        const train = (w: LibtorchTensor): LibtorchTensor =>
          scope(() => {
            w.requiresGrad = true;
            const error = sub(linear(x, w), target);
            const loss = mean(mul(error, error));
            backward(loss);
            const gradient = w.grad!;
            w.grad = null;
            w.requiresGrad = false;
            add_(w, gradient, { alpha: -0.01 });
            return loss;
          });
        const eager = mul(start, 1);
        const losses = Array.from({ length: 5 }, () => numbers(train(eager))[0]!);

        const weights = mul(start, 1);
        using graph = new cuda.Graph({ warmUp: 1 });
        const loss = graph.capture(() => train(weights));
        copy_(weights, start); // the warm-up has changed them
        const replayed = Array.from({ length: 5 }, () => {
          graph.replay();
          return numbers(loss)[0]!;
        });
        for (const [i, value] of replayed.entries()) expect(value).toBeCloseTo(losses[i]!, 4);
        expect(replayed[4]).toBeLessThan(replayed[0]!);
        expect(allclose(weights, eager, 1e-4, 1e-5)).toBe(true);
      }));

    it("draws the default generator's numbers, new ones each time", () =>
      scope(() => {
        using graph = new cuda.Graph();
        const drawn = graph.capture(() => randn([1000], { device }));
        manualSeed(7);
        const eager = [1, 2, 3].map(() => numbers(randn([1000], { device })));
        manualSeed(7);
        const replayed = [1, 2, 3].map(() => {
          graph.replay();
          return numbers(drawn);
        });
        expect(replayed).toEqual(eager);
        expect(replayed[0]).not.toEqual(replayed[1]);
      }));

    it("shares another's memory", () =>
      scope(() => {
        const x = ones([MiB], { device });
        using first = new cuda.Graph();
        const a = first.capture(() => scope(() => mul(mul(x, 3), 2)));
        using second = new cuda.Graph({ pool: first });
        const b = second.capture(() => scope(() => mul(mul(a, 5), 2)));
        first.replay();
        second.replay();
        expect(numbers(b)[0]).toBe(60);
      }));

    it("gives its memory back", () => {
      cuda.emptyCache();
      const before = cuda.memory().reserved;
      scope(() => {
        const x = ones([64 * MiB], { device });
        using graph = new cuda.Graph({ warmUp: 1 });
        graph.capture(() => mul(x, 2));
        graph.replay();
      });
      cuda.emptyCache();
      // what the libraries keep for themselves on a new stream may stay
      expect(cuda.memory().reserved - before).toBeLessThan(64 * MiB);
    });

    it("refuses to be told a value while it is recorded, and everything works afterwards", () =>
      scope(() => {
        const x = ones([4], { device });
        using broken = new cuda.Graph();
        expect(() => broken.capture(() => numbers(x))).toThrow(/captur.*nothing may be read back/s);
        expect(() => broken.replay()).toThrow(/capture of this graph failed/);
        expect(numbers(mul(x, 2))).toEqual([2, 2, 2, 2]);

        using graph = new cuda.Graph();
        const y = graph.capture(() => mul(x, 3));
        fill_(x, 5);
        graph.replay();
        expect(numbers(y)).toEqual([15, 15, 15, 15]);
      }));
  });

  it("can make waiting for the GPU an error", () =>
    scope(() => {
      const x = tensor([1, 2, 3], { device });
      cuda.setSyncDebug("error");
      try {
        mul(x, 2); // does not wait
        expect(() => numbers(x)).toThrow(/synchroniz/);
      } finally {
        cuda.setSyncDebug("ignore");
      }
      expect(numbers(x)).toEqual([1, 2, 3]);
    }));
});

/** Modes last as long as their function, however it ends. */
import { expect, it } from "vitest";
import {
  add,
  autocast,
  backward,
  enableGrad,
  inferenceMode,
  isGradEnabled,
  layer_norm,
  linear,
  matmul,
  noGrad,
  numbers,
  ones,
  randn,
  scope,
  sum,
  type Tensor,
  tensor,
  to,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

/** What modes change: whether calls are recorded, and the type of products. */
function expectNoMode(): void {
  scope(() => {
    expect(isGradEnabled()).toBe(true);
    const x = ones([2, 2], { dtype: "float32" });
    x.requiresGrad = true; // which tensors of inference mode refuse
    const y = matmul(x, x);
    expect([y.dtype, y.requiresGrad]).toEqual(["float32", true]);
  });
}

const modes: Record<string, (fn: () => unknown) => unknown> = {
  noGrad,
  enableGrad,
  inferenceMode,
  autocast: (fn) => autocast({ device: "cpu" }, fn),
};

describeWithLibtorch("modes", () => {
  it("noGrad and enableGrad nest", () => {
    scope(() => {
      const x = ones([2]);
      x.requiresGrad = true;
      noGrad(() => {
        expect(isGradEnabled()).toBe(false);
        expect(add(x, 1).requiresGrad).toBe(false);
        enableGrad(() => {
          expect(add(x, 1).requiresGrad).toBe(true);
          noGrad(() => expect(isGradEnabled()).toBe(false));
          expect(isGradEnabled()).toBe(true);
        });
        expect(isGradEnabled()).toBe(false);
      });
      expectNoMode();
    });
  });

  it("they give back what their function returns", () => {
    for (const mode of Object.values(modes)) expect(mode(() => "value")).toBe("value");
  });

  it("inference mode's tensors take no part in autograd afterwards", () => {
    scope(() => {
      const x = inferenceMode(() => {
        expect(isGradEnabled()).toBe(false);
        return inferenceMode(() => ones([2]));
      });
      const weight = tensor([2, 3], { requiresGrad: true });
      expect(() => backward(sum(matmul(weight, x)))).toThrow(
        /[Ii]nference tensors? cannot be saved for backward/,
      );
      expectNoMode();
    });
  });

  it("autocast makes products bfloat16, leaves sums, and can be switched off within", () => {
    scope(() => {
      const x = randn([2, 2]);
      const inside = autocast({ device: "cpu" }, () => [
        matmul(x, x),
        add(x, x),
        linear(x, x),
        autocast({ device: "cpu", enabled: false }, () => matmul(x, x)),
        matmul(x, x),
      ]);
      expect(inside.map(({ dtype }) => dtype)).toEqual([
        "bfloat16",
        "float32",
        "bfloat16",
        "float32",
        "bfloat16",
      ]);
      expect(numbers(inside[0]!)).toEqual(
        numbers(matmul(to(x, { dtype: "bfloat16" }), to(x, { dtype: "bfloat16" }))),
      );
      expectNoMode();
    });
  });

  it("backward outside of autocast gives gradients in the weights' own type", () => {
    scope(() => {
      const weight = tensor([[1, 2]], { requiresGrad: true });
      const x = tensor([[3, 4]]);
      const loss = autocast({ device: "cpu" }, () =>
        sum(linear(x, weight), undefined, undefined, { dtype: "float32" }),
      );
      backward(loss);
      expect([weight.grad!.dtype, numbers(weight.grad!)]).toEqual(["float32", [3, 4]]);
    });
  });

  it("layer_norm's input under autocast is converted by hand where libtorch does not", () => {
    scope(() => {
      const weight = ones([2]);
      const out = autocast({ device: "cpu" }, () => {
        const product = matmul(
          ones([1, 2]),
          tensor([
            [1, 2],
            [3, 5],
          ]),
        ); // prettier-ignore
        return layer_norm(to(product, { dtype: "float32" }), [2], weight, weight);
      });
      expect(out.dtype).toBe("float32");
    });
  });

  it.each(Object.keys(modes))("%s is over when its function throws", (name) => {
    expect(() =>
      modes[name]!(() => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expectNoMode();
  });

  it.each([...Object.keys(modes), "scope"])("%s refuses a promise, and is over then", async (name) => {
    const inside: Tensor[] = [];
    const late = async (): Promise<void> => {
      inside.push(randn([2]));
      await undefined;
    };
    scope(() => {
      expect(() => (modes[name] ?? scope)(late)).toThrow(
        new TypeError(
          `The function given to ${name}() returned a promise. ${name}() ends when its function returns: await outside of it.`,
        ),
      );
      expectNoMode();
      expect(inside[0]!.disposed).toBe(name === "scope");
    });
    await undefined;
  });

  it("a refused promise that fails is not reported a second time", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): unknown => unhandled.push(reason);
    process.on("unhandledRejection", note);
    expect(() => scope(() => Promise.reject(new Error("late")))).toThrow(/returned a promise/);
    expect(() => noGrad(() => Promise.reject(new Error("late")))).toThrow(/returned a promise/);
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });

  it("autocast that is refused changes nothing", () => {
    expect(() => autocast({ device: "gpu" }, () => 1)).toThrow(/device string: gpu/);
    expect(() => autocast({ device: "cpu", dtype: "float64" }, () => 1)).toThrow(TypeError);
    try {
      scope(() =>
        autocast({ device: "cpu", dtype: "float16" }, () => matmul(ones([2, 2]), ones([2, 2])).dtype),
      );
    } catch (error) {
      expect((error as Error).message).toMatch(/AutocastCPU only support Bfloat16/); // libtorch 1.13
    }
    expectNoMode();
    scope(() =>
      expect(autocast({ device: "cpu" }, () => matmul(ones([2, 2]), ones([2, 2])).dtype)).toBe("bfloat16"),
    );
  });
});

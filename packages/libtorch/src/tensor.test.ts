/** What a Tensor says of itself, who it is, and how it ends. */
import { inspect } from "node:util";
import { expect, it } from "vitest";
import {
  add,
  add_,
  arange,
  backward,
  cat,
  clamp_,
  copy_,
  grad,
  item,
  keep,
  liveTensors,
  mul,
  noGrad,
  numbers,
  ones,
  permute,
  scope,
  split,
  sum,
  Tensor,
  tensor,
  view,
  zero_,
  zeros,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

describeWithLibtorch("a tensor", () => {
  it("knows its shape, type, place and layout", () => {
    scope(() => {
      const x = permute(zeros([2, 3, 4], { dtype: "int64" }), [2, 0, 1]);
      expect([x.shape, x.size, x.dtype, x.device, x.strides, x.isContiguous]).toEqual([
        [4, 2, 3],
        24,
        "int64",
        "cpu",
        [1, 12, 4],
        false,
      ]);
      expect(zeros([]).size).toBe(1);
      expect(String(x)).toBe("Tensor([4,2,3], int64, cpu)");
      expect(inspect([x])).toBe("[ Tensor([4,2,3], int64, cpu) ]");
    });
  });

  it("cannot be made without the library", () => {
    const Made = Tensor as unknown as new (slot: number) => Tensor;
    expect(() => new Made(0)).toThrow("Tensors are made by tensor() and by operators, not by `new`.");
  });

  it("operators in place give back the very object", () => {
    scope(() => {
      const x = ones([3]);
      const before = liveTensors().count;
      for (const y of [add_(x, 1), add_(x, x), clamp_(x, 0, 3), copy_(x, ones([1])), zero_(x)])
        expect(y).toBe(x);
      expect(liveTensors().count).toBe(before + 1); // the source of copy_
    });
  });

  it("views and their source share numbers, and live apart", () => {
    scope(() => {
      const x = ones([4]);
      const y = view(x, [2, 2]);
      zero_(y);
      expect(numbers(x)).toEqual([0, 0, 0, 0]);
      x.dispose();
      expect(numbers(add_(y, 2))).toEqual([2, 2, 2, 2]);
      expect(liveTensors().bytes).toBeGreaterThanOrEqual(16);
    });
  });

  it("bytes are those of distinct memories", () => {
    scope(() => {
      const before = liveTensors().bytes;
      const x = ones([1000]);
      view(x, [10, 100]);
      expect(liveTensors().bytes - before).toBe(4000);
    });
    const kept = keep(ones([1000]));
    const { bytes } = liveTensors();
    kept.dispose();
    expect(bytes - liveTensors().bytes).toBe(4000);
  });

  it("disposed, it names itself and how it ended in every error", () => {
    const x = ones([2]);
    x.dispose();
    const sentence = "This tensor was disposed by dispose() and cannot be used any more";
    expect(() => add(x, 1)).toThrow(new Error(`${sentence} (self of add).`));
    expect(() => cat([x])).toThrow(new Error(`${sentence} (tensors of cat).`));
    for (const use of [
      () => x.shape,
      () => x.requiresGrad,
      () => {
        x.requiresGrad = true;
      },
      () => x.grad,
      () => x.data(),
      () => x.memory(),
      () => numbers(x),
      () => keep(x),
      () => backward(x),
      () => grad(x, [x]),
    ])
      expect(use).toThrow(sentence);
    expect([x.disposed, String(x)]).toEqual([true, "Tensor(disposed)"]);
    x.dispose(); // twice is allowed
  });

  it("freed by a scope, it says so", () => {
    let escaped!: Tensor;
    scope(() => {
      escaped = ones([2]);
    });
    expect(() => item(escaped)).toThrow(
      new Error("This tensor was disposed at the end of its scope and cannot be used any more."),
    );
  });

  it("`using` frees it at the end of its block, also when the block throws", () => {
    let seen: Tensor | undefined;
    const before = liveTensors().count;
    expect(() => {
      using x = ones([2]);
      seen = x;
      throw new Error("inside");
    }).toThrow("inside");
    expect([seen?.disposed, liveTensors().count]).toEqual([true, before]);
  });

  it("a slot that was given out again is no way to another tensor", () => {
    const first = ones([2]);
    first.dispose();
    using second = zeros([3]); // takes the slot
    expect(() => first.shape).toThrow(/disposed/);
    first.dispose();
    expect(second.shape).toEqual([3]);
  });

  it.each([1, 256, 257, 3000])("%i of them come in one list and go into another, in order", (length) => {
    scope(() => {
      const [whole, wider] = [arange(0, length), mul(arange(0, length), 2)];
      const [some, others] = [split(whole, 1), split(wider, 1)]; // the second list leaves the first as it is
      expect([some.length, numbers(cat(some))]).toEqual([length, numbers(whole)]);
      expect(numbers(cat([...some, ...others]))).toEqual([...numbers(whole), ...numbers(wider)]);
    });
  });
});

describeWithLibtorch("gradients of a tensor", () => {
  it("add up in leaves, and can be set and taken away", () => {
    scope(() => {
      const w = tensor([2, 3], { requiresGrad: true });
      expect([w.grad, w.isLeaf, mul(w, 2).isLeaf]).toEqual([null, true, false]);
      for (let i = 0; i < 2; i++) backward(sum(mul(w, w)));
      expect(numbers(w.grad!)).toEqual([8, 12]);
      noGrad(() => zero_(w.grad!)); // the same memory each time it is asked for
      expect(numbers(w.grad!)).toEqual([0, 0]);
      w.grad = tensor([1, 1]);
      expect(numbers(w.grad!)).toEqual([1, 1]);
      w.grad = null;
      expect(w.grad).toBeNull();
    });
  });

  it("a leaf keeps its gradient when the object that set it is disposed", () => {
    scope(() => {
      const w = tensor([2], { requiresGrad: true });
      scope(() => {
        w.grad = tensor([5]);
      });
      expect(numbers(w.grad!)).toEqual([5]);
    });
  });

  it("grad() gives values, null where nothing depends, and second derivatives", () => {
    scope(() => {
      const [x, y] = [tensor([3], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
      const cube = sum(mul(mul(x, x), x));
      const [dx, dy] = grad(cube, [x, y], { createGraph: true });
      expect([numbers(dx!), dy, x.grad]).toEqual([[27], null, null]);
      expect(numbers(grad(sum(dx!), [x])[0]!)).toEqual([18]);
    });
  });

  it("backward takes the gradients of several outputs, and only some leaves", () => {
    scope(() => {
      const [x, y] = [tensor([3, 4], { requiresGrad: true }), tensor([1, 2], { requiresGrad: true })];
      const product = mul(x, y);
      backward([product, sum(x)], { gradients: [tensor([1, 10]), null], inputs: [x], retainGraph: true });
      expect([numbers(x.grad!), y.grad]).toEqual([[2, 21], null]);
      backward(sum(product));
      expect(numbers(y.grad!)).toEqual([3, 4]);
      expect(() => backward(sum(product), { gradients: [] })).toThrow();
    });
  });
});

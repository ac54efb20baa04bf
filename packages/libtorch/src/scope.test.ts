/** What a scope frees, and what it lets out. */
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  add_,
  detach,
  keep,
  liveTensors,
  numbers,
  ones,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

const alive = (...tensors: readonly (Tensor | undefined)[]): boolean[] =>
  tensors.map((x) => x?.disposed === false);

describeWithLibtorch("scope", () => {
  it("frees what was made inside, and gives back what its function returns", () => {
    const before = liveTensors().count;
    const made: Tensor[] = [];
    expect(
      scope(() => {
        made.push(ones([2]), ones([3]));
        return "done";
      }),
    ).toBe("done");
    expect([alive(...made), liveTensors().count]).toEqual([[false, false], before]);
  });

  it("lets out tensors in arrays, objects, Maps and Sets, at any depth, to the scope around it", () => {
    let free!: Tensor;
    const outer = scope(() => {
      const results = scope(() => {
        free = ones([1]);
        const [a, b, c, d, e, f] = Array.from({ length: 6 }, (_, i) => tensor([i])) as [
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
          Tensor,
        ];
        const bare = Object.assign(Object.create(null), { f }) as { f: Tensor };
        return {
          a,
          list: [b, [null, c]],
          map: new Map([["d", { d }]]),
          set: new Set([e]),
          bare,
          text: "x",
          none: undefined,
        };
      });
      const { a, list, map, set, bare } = results;
      const all = [a, list[0], (list[1] as Tensor[])[1], map.get("d")!.d, [...set][0], bare.f] as Tensor[];
      expect(alive(...all, free)).toEqual([true, true, true, true, true, true, false]);
      return all;
    });
    expect(alive(...outer)).toEqual(new Array(6).fill(true)); // outside of every scope
    for (const x of outer) x.dispose();
    const all: Tensor[] = [];
    scope(() => {
      all.push(...scope(() => [ones([1]), ones([2])]));
      expect(alive(...all)).toEqual([true, true]);
    });
    expect(alive(...all)).toEqual([false, false]);
  });

  it("does not look into objects of classes, typed arrays, functions or promises' values", () => {
    class Holder {
      readonly x = ones([1]);
    }
    const held = scope(() => new Holder());
    const closure = scope(() => {
      const x = ones([1]);
      return () => x;
    });
    expect(alive(held.x, closure())).toEqual([false, false]);
  });

  it("takes a structure that contains itself", () => {
    interface Ring {
      x: Tensor;
      next?: Ring;
    }
    const ring = scope(() => {
      const first: Ring = { x: ones([1]) };
      first.next = { x: ones([2]), next: first };
      return first;
    });
    expect(alive(ring.x, ring.next!.x)).toEqual([true, true]);
    ring.x.dispose();
    ring.next!.x.dispose();
  });

  it("frees also when its function throws, what it would have returned included", () => {
    const made: Tensor[] = [];
    expect(() =>
      scope(() => {
        made.push(ones([1]));
        scope(() => {
          made.push(ones([2]));
          throw new RangeError("inside");
        });
      }),
    ).toThrow(RangeError);
    expect(alive(...made)).toEqual([false, false]);
    scope(() => made.push(ones([1]))); // scopes nest as before
    expect(made.at(-1)!.disposed).toBe(true);
  });

  it("leaves alone tensors of the scopes around it, also when they are returned", () => {
    const outside = ones([1]);
    scope(() => {
      const around = ones([2]);
      const returned = scope(() => [around, outside, ones([3])]);
      expect(alive(around, outside, returned[2])).toEqual([true, true, true]);
      expect(scope(() => around)).toBe(around);
    });
    expect(outside.disposed).toBe(false);
    outside.dispose();
  });

  it("the same tensor returned twice moves out once", () => {
    const before = liveTensors().count;
    const outer = scope(() => {
      const [a, b] = scope(() => {
        const x = ones([1]);
        return [x, x] as const;
      });
      expect(a).toBe(b);
      return { a, b };
    });
    expect(liveTensors().count).toBe(before + 1);
    outer.a.dispose();
    outer.b.dispose();
    expect(liveTensors().count).toBe(before);
  });

  it("a tensor changed in place and returned is the argument, and keeps its owner", () => {
    scope(() => {
      const x = zeros([2]);
      expect(scope(() => add_(x, 1))).toBe(x);
      scope(() => {
        add_(x, 1);
      });
      expect(numbers(x)).toEqual([2, 2]);
    });
  });

  it("keep takes a tensor out of all scopes; in vain once it is disposed", () => {
    let kept!: Tensor;
    scope(() =>
      scope(() => {
        kept = keep(ones([1]));
        expect(keep(kept)).toBe(kept); // twice is allowed
        return [kept];
      }),
    );
    expect(kept.disposed).toBe(false);
    scope(() => kept); // does not take it back
    expect(kept.disposed).toBe(false);
    kept.dispose();
    expect(() => keep(kept)).toThrow(/was disposed by dispose\(\)/);
  });

  it("what was disposed inside is no trouble at the end, nor when returned", () => {
    const x = scope(() => {
      ones([1]).dispose();
      const returned = ones([2]);
      returned.dispose();
      return returned;
    });
    expect(() => x.shape).toThrow(/disposed by dispose\(\)/);
  });

  it("an alias lives on its own", () => {
    const alias = scope(() => detach(ones([2])));
    expect(numbers(alias)).toEqual([1, 1]);
    alias.dispose();
  });

  it("a long one does not hold what was disposed or kept meanwhile", () => {
    const held: Tensor[] = [];
    scope(() => {
      const first = ones([1]);
      for (let i = 0; i < 5000; i++) ones([1]).dispose();
      for (let i = 0; i < 100; i++) held.push(ones([1]));
      expect(liveTensors().count).toBeGreaterThanOrEqual(101);
      expect(alive(first, ...held)).toEqual(new Array(101).fill(true));
    });
    expect(alive(...held)).toEqual(new Array(100).fill(false));
  });
});

/** A program that opens scopes, makes, returns, keeps and disposes tensors. Numbers choose among the tensors so far. */
type Step =
  | { readonly make: null }
  | { readonly alias: number }
  | { readonly dispose: number }
  | { readonly keep: number }
  | { readonly scope: readonly Step[]; readonly returns: readonly number[]; readonly throws: boolean };

const program = fc.letrec<{ steps: Step[]; step: Step }>((tie) => ({
  steps: fc.array(tie("step"), { maxLength: 8 }),
  step: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    { weight: 3, arbitrary: fc.record({ make: fc.constant(null) }) },
    { weight: 1, arbitrary: fc.record({ alias: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ dispose: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ keep: fc.nat(50) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        scope: tie("steps"),
        returns: fc.array(fc.nat(50), { maxLength: 4 }),
        throws: fc.boolean(),
      }),
    },
  ),
})).steps;

describeWithLibtorch("random programs of scopes", () => {
  /** What the model knows of each tensor: the scope that owns it (0: none), or that it is gone. */
  interface Known {
    readonly x: Tensor;
    owner: number;
    alive: boolean;
  }
  class Thrown extends Error {}

  it("free exactly what the model says, at every step", () => {
    fc.assert(
      fc.property(program, (steps) => {
        const before = liveTensors().count;
        const known: Known[] = [];
        let scopes = 0;

        const agree = (): void => {
          expect(known.map(({ x }) => !x.disposed)).toEqual(known.map((k) => k.alive));
          expect(liveTensors().count - before).toBe(known.filter((k) => k.alive).length);
        };

        const run = (inside: readonly Step[], owner: number): void => {
          for (const step of inside) {
            const pick = (n: number): Known | undefined => known[n % Math.max(1, known.length)];
            if ("make" in step) known.push({ x: ones([1]), owner, alive: true });
            else if ("alias" in step) {
              const from = pick(step.alias);
              if (from?.alive) known.push({ x: detach(from.x), owner, alive: true });
              else if (from) expect(() => detach(from.x)).toThrow(/was disposed/);
            } else if ("dispose" in step) {
              const one = pick(step.dispose);
              one?.x.dispose();
              if (one) one.alive = false;
            } else if ("keep" in step) {
              const one = pick(step.keep);
              if (one?.alive) {
                keep(one.x);
                one.owner = 0;
              } else if (one) expect(() => keep(one.x)).toThrow(/was disposed/);
            } else open(step, owner);
            agree();
          }
        };

        const open = (step: Extract<Step, { scope: unknown }>, owner: number): void => {
          const own = ++scopes;
          let returned: readonly (Known | undefined)[] = [];
          try {
            scope(() => {
              run(step.scope, own);
              if (step.throws) throw new Thrown();
              returned = step.returns.map((n) => known[n % Math.max(1, known.length)]);
              return returned.map((one) => one?.x);
            });
          } catch (error) {
            if (!(error instanceof Thrown)) throw error;
          }
          for (const one of known) {
            if (one.owner !== own) continue;
            if (returned.includes(one)) one.owner = owner;
            else one.alive = false;
          }
        };

        try {
          run(steps, 0);
        } finally {
          for (const { x } of known) x.dispose();
        }
        expect(liveTensors().count).toBe(before);
      }),
      { numRuns: 300 },
    );
  });
});

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own interpolations
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RarityError } from "./errors.js";
import { interpolate } from "./interpolate.js";
import type { PlainMap } from "./plain.js";

const resolve = (root: PlainMap) => interpolate(root, () => "x.yaml:1: ");

describe("interpolate", () => {
  it("keeps the type where the interpolation is the whole value", () => {
    expect(
      resolve({
        a: { lr: 4e-4, on: true, list: [1, 2] },
        b: "${a.lr}",
        c: "${a.on}",
        d: "${a.list}",
        e: "${a}",
      }).values,
    ).toEqual({
      a: { lr: 4e-4, on: true, list: [1, 2] },
      b: 4e-4,
      c: true,
      d: [1, 2],
      e: { lr: 4e-4, on: true, list: [1, 2] },
    });
  });

  it("writes text inside text, as Python does", () => {
    expect(resolve({ n: 3, on: true, e: null, s: "rar_${n}_${on}_${e}" }).values.s).toBe("rar_3_True_None");
  });

  it("follows chains, relative paths, list entries and escapes", () => {
    expect(
      resolve({
        a: "${b}",
        b: "${c.d}",
        c: { d: 1, e: "${.d}", f: { g: "${..d}" } },
        l: [7, "${l.0}"],
        p: "\\${x}",
      }).values,
    ).toEqual({ a: 1, b: 1, c: { d: 1, e: 1, f: { g: 1 } }, l: [7, 7], p: "${x}" });
  });

  it("leaves out ??? and what points to it, and remembers both", () => {
    const { values, missing } = resolve({ a: "???", b: { c: "${a}", d: 1 }, e: "${b}" });
    expect(values).toEqual({ b: { d: 1 }, e: { d: 1 } });
    expect([...missing]).toEqual(["a", "b.c"]);
  });

  it.each<[PlainMap, RegExp]>([
    [
      { a: "${optimiser.lr}", optimizer: { lr: 1 } },
      /^x\.yaml:1: a is .*no key "optimiser\.lr"\. Did you mean "optimizer\.lr"/,
    ],
    [{ a: "${nothing}" }, /no key "nothing"\. Set it/],
    [{ a: "${a}" }, /circle \(a -> a\)/],
    [{ a: "${b}", b: "x${c}", c: "${a}" }, /circle \(a -> b -> c -> a\)/],
    [{ a: { b: "${a}" } }, /circle/],
    [{ a: { b: "${c}" }, c: { d: "${a}" } }, /circle/],
    [{ a: "${oc.env:HOME}" }, /not resolvers/],
    [{ a: "x ${b", b: 1 }, /not closed/],
    [{ a: "${x${b}}", b: 1 }, /not closed by "}" around one path/],
    [{ a: "x${b}", b: { c: 1 } }, /\$\{b\} is not a single value/],
  ])("refuses %j by key", (root, message) => {
    expect(() => resolve(root)).toThrow(RarityError);
    expect(() => resolve(root)).toThrow(message);
  });

  it("stops where interpolations double at every step", () => {
    const names = Array.from({ length: 60 }, (_, i) => `k${i}`);
    const doubled = (write: (next: string) => PlainMap[string]) =>
      Object.fromEntries(names.map((name, i) => [name, i === 59 ? "" : write(`\${k${i + 1}}`)])) as PlainMap;
    expect(() => resolve(doubled((next) => next + next))).toThrow(/too many values/);
    expect(() => resolve(doubled((next) => ({ a: next, b: next })))).toThrow(/too many values/);
  });

  it("ends, whatever points to what", () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const value = fc.oneof(
      fc.integer(),
      key.map((k) => `\${${k}}`),
      fc.tuple(key, key).map(([k, l]) => `\${${k}}\${${l}}`),
    );
    fc.assert(
      fc.property(fc.dictionary(key, fc.oneof(value, fc.dictionary(key, value))), (root) => {
        try {
          resolve(root as PlainMap);
        } catch (error) {
          expect(error).toBeInstanceOf(RarityError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Gate } from "./gate.js";

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("Gate", () => {
  it("lets so many in at a time, the others in the order they came", async () => {
    const gate = new Gate(2);
    const inside: number[] = [];
    const doors = [0, 1, 2, 3, 4].map(async (i) => {
      const door = await gate.enter();
      inside.push(i);
      return door;
    });
    await soon();
    expect(inside).toEqual([0, 1]);
    (await doors[1]!)[Symbol.dispose]();
    await soon();
    expect(inside).toEqual([0, 1, 2]);
    (await doors[0]!)[Symbol.dispose]();
    (await doors[2]!)[Symbol.dispose]();
    await soon();
    expect(inside).toEqual([0, 1, 2, 3, 4]);
  });

  it("gives a place back once, however often it is left", async () => {
    const gate = new Gate(1);
    const first = await gate.enter();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    using _second = await gate.enter();
    let entered = false;
    void gate.enter().then(() => {
      entered = true;
    });
    await soon();
    expect(entered).toBe(false);
  });

  it("leaves the queue at once on abort, with the signal's reason; the next in line moves up", async () => {
    const gate = new Gate(1);
    const door = await gate.enter();
    const stop = new AbortController();
    const impatient = gate.enter(stop.signal);
    let entered = false;
    const patient = gate.enter().then((d) => {
      entered = true;
      return d;
    });
    const reason = new Error("gone");
    stop.abort(reason);
    await expect(impatient).rejects.toBe(reason);
    await soon();
    expect(entered).toBe(false);
    door[Symbol.dispose]();
    (await patient)[Symbol.dispose]();
    await expect(gate.enter(AbortSignal.abort(reason))).rejects.toBe(reason);
    (await gate.enter(new AbortController().signal))[Symbol.dispose]();
  });

  it("never lets too many in and loses no place, whoever leaves, waits or gives up", async () => {
    const moves = fc.array(fc.record({ kind: fc.constantFrom("enter", "leave", "abort"), who: fc.nat(50) }), {
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), moves, async (places, script) => {
        const gate = new Gate(places);
        const inside: Disposable[] = [];
        const waiting: AbortController[] = [];
        let over = 0;
        for (const { kind, who } of script) {
          if (kind === "enter") {
            const stop = new AbortController();
            waiting.push(stop);
            gate.enter(stop.signal).then(
              (door) => {
                inside.push(door);
                waiting.splice(waiting.indexOf(stop), 1);
                if (inside.length > places) over++;
              },
              () => waiting.splice(waiting.indexOf(stop), 1),
            );
          } else if (kind === "leave" && inside.length > 0) {
            inside.splice(who % inside.length, 1)[0]![Symbol.dispose]();
          } else if (kind === "abort" && waiting.length > 0) {
            waiting[who % waiting.length]!.abort();
          }
          await soon();
          expect(waiting.length === 0 || inside.length === places).toBe(true); // nobody waits beside a free place
        }
        for (const door of inside.splice(0)) door[Symbol.dispose]();
        await soon();
        while (inside.length > 0) {
          for (const door of inside.splice(0)) door[Symbol.dispose]();
          await soon();
        }
        const doors = await Promise.all(Array.from({ length: places }, () => gate.enter()));
        expect(doors).toHaveLength(places);
        expect(over).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { Client } from "./rpc.js";

const serveFile = new URL("../../dist/engines/rpc.js", import.meta.url).href;
const errorsFile = new URL("../../dist/config/errors.js", import.meta.url).href;

/** Methods that do what a test needs of a worker. */
const SOURCE = `
import { parentPort } from "node:worker_threads";
const { Answer, serve } = await import("${serveFile}");
const { RarityError } = await import("${errorsFile}");
let running = 0, most = 0;
const order = [];
serve(parentPort, {
  echo: (...args) => args,
  wait: async (ms) => { running++; most = Math.max(most, running); await new Promise((r) => setTimeout(r, ms)); running--; order.push(ms); },
  seen: () => ({ most, order }),
  range: () => { throw new RangeError("beyond the end"); },
  rarity: async () => { throw new RarityError("memory", "too large"); },
  type: () => { throw new TypeError("odd"); },
  nothing: () => { throw undefined; },
  unsendable: () => () => {},
  give: () => { const a = new Float32Array([1, 2]); return new Answer(a, [a.buffer], () => order.push("after " + a.length)); },
  crash: () => { setImmediate(() => { throw new Error("the library broke"); }); return new Promise(() => {}); },
  exit: () => process.exit(3),
});
`;

const workers: Worker[] = [];
function client(): Client {
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`));
  workers.push(worker);
  return new Client(worker);
}
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.terminate();
});

describe("Client and serve", () => {
  it("brings arguments there and values back, typed arrays too", async () => {
    const there = client();
    const args = [1, "ä", null, Int32Array.of(-1, 2), { a: [new Float32Array([0.5])] }];
    expect(await there.call("echo", args)).toEqual(args);
  });

  it("answers one call after the other, and each caller gets its own answer", async () => {
    const there = client();
    const calls = [30, 1, 10].map((ms) => there.call("wait", [ms]));
    const echoes = [1, 2, 3].map((i) => there.call("echo", [i]));
    expect(await Promise.all(echoes)).toEqual([[1], [2], [3]]);
    await Promise.all(calls);
    expect(await there.call("seen", [])).toEqual({ most: 1, order: [30, 1, 10] });
  });

  it("moves an answer's memory and does the work after it", async () => {
    const there = client();
    expect(await there.call("give", [])).toEqual(Float32Array.of(1, 2));
    expect(await there.call("seen", [])).toEqual({ most: 0, order: ["after 0"] }); // the array has left the worker
  });

  it("keeps the kind of an error, and goes on after it", async () => {
    const there = client();
    await expect(there.call("range", [])).rejects.toThrow(new RangeError("beyond the end"));
    await expect(there.call("rarity", [])).rejects.toThrow(new RarityError("memory", "too large"));
    await expect(there.call("rarity", [])).rejects.toMatchObject({ code: "memory" });
    await expect(there.call("type", [])).rejects.toThrow("The engine failed: odd");
    await expect(there.call("nothing", [])).rejects.toBeInstanceOf(RarityError);
    await expect(there.call("unsendable", [])).rejects.toBeInstanceOf(RarityError);
    await expect(there.call("no such method", [])).rejects.toBeInstanceOf(RarityError);
    expect(await there.call("echo", [1])).toEqual([1]);
  });

  it("fails a call whose arguments cannot be sent, and goes on", async () => {
    const there = client();
    await expect(there.call("echo", [() => {}])).rejects.toThrow(/could not be cloned/);
    expect(await there.call("echo", [1])).toEqual([1]);
  });

  it.each(["crash", "exit"])(
    "fails open and later calls with a sentence when the worker is gone: %s",
    async (how) => {
      const there = client();
      const open = [there.call(how, []), there.call("echo", [1])];
      for (const result of await Promise.allSettled(open)) {
        expect(result.status).toBe("rejected");
        expect((result as PromiseRejectedResult).reason).toBeInstanceOf(RarityError);
      }
      await expect(there.call("echo", [1])).rejects.toMatchObject({ code: "engine" });
      expect(there.gone).toBe(true);
    },
  );

  it("holds the process only while a call is open", async () => {
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(SOURCE)}`));
    workers.push(worker);
    let held = 0;
    const [ref, unref] = [worker.ref.bind(worker), worker.unref.bind(worker)];
    Object.assign(worker, {
      ref: () => {
        held = 1;
        ref();
      },
      unref: () => {
        held = 0;
        unref();
      },
    });
    const there = new Client(worker);
    expect(held).toBe(0);
    const calls = [there.call("wait", [20]), there.call("echo", [1])];
    expect(held).toBe(1);
    await calls[1];
    await Promise.all(calls);
    expect(held).toBe(0);
    await there.call("echo", [() => {}]).catch(() => {});
    expect(held).toBe(0);
    void worker.terminate();
    await once(worker, "exit");
  });
});

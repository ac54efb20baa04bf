/** The order of calls into CUDA, without CUDA: a stand-in for the addon's functions writes them down. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { isAvailable } from "../native.js";
import { Graph } from "./graph.js";
import { Event, Stream } from "./stream.js";

const calls: string[] = [];
const refused = new Set<string>();
let made = 0;

vi.mock("./available.js", () => ({
  cudaNative: () =>
    new Proxy(
      {},
      {
        get: (_target, name: string) =>
          function record(...values: unknown[]) {
            calls.push([name, ...values].join(" "));
            if (refused.has(name)) throw new Error(`CUDA error: no ${name} when stream is capturing`);
            return `${name}${++made}`;
          },
      },
    ),
}));

afterEach(() => {
  calls.length = 0;
  refused.clear();
  made = 0;
});

/** What was called, without the names of objects. */
const names = (): string[] => calls.map((call) => call.split(" ")[0]!);

// Scopes need the addon.
describe.skipIf(!isAvailable())("calls into CUDA", () => {
  it("a stream is left also when the function throws, and refuses a promise", () => {
    const stream = new Stream({ device: "cuda:1", highPriority: true });
    expect(calls).toEqual(["stream cuda:1 true"]);
    expect(stream.run(() => 3)).toBe(3);
    expect(calls.slice(1)).toEqual(["enterStream stream1", "leaveStream enterStream2"]);
    expect(() => stream.run(() => expect.fail("inside"))).toThrow("inside");
    expect(names().at(-1)).toBe("leaveStream");
    expect(() => stream.run(async () => {})).toThrow(/Stream\.run\(\) returned a promise/);
    expect(names().at(-1)).toBe("leaveStream");
  });

  it("a stream waits for another through an event, for an event as it is", () => {
    const [a, b] = [new Stream(), new Stream()];
    a.waitFor(b);
    expect(calls.slice(2)).toEqual(["event false", "recordEvent event3 stream2", "waitEvent event3 stream1"]);
    const event = new Event({ timing: true }).record(b);
    a.waitFor(event);
    expect(calls.slice(5)).toEqual(["event true", "recordEvent event6 stream2", "waitEvent event6 stream1"]);
  });

  it("a capture warms up on the side stream, records once and returns what the function made", () => {
    const graph = new Graph({ device: "cuda:0", warmUp: 2, mode: "relaxed" });
    const answer = graph.capture(() => {
      calls.push("fn");
      return "answer";
    });
    expect(answer).toBe("answer");
    expect(names().join(" ")).toBe(
      "graph currentStream stream event recordEvent waitEvent enterStream fn fn synchronizeStream emptyCache captureBegin fn " +
        "captureEnd leaveStream event recordEvent waitEvent",
    );
    expect(calls.find((call) => call.startsWith("captureBegin"))).toBe("captureBegin graph1  2");
    const start = calls.length;
    graph.replay();
    graph.replay();
    expect(names().slice(start).join(" ")).toBe(
      "replay event currentStream recordEvent replay currentStream recordEvent",
    );
    expect(() => graph.capture(() => 0)).toThrow(/captured already/);

    const second = new Graph({ pool: graph, warmUp: 0 });
    second.capture(() => 0);
    expect(calls.findLast((call) => call.startsWith("captureBegin"))).toMatch(/ graph1 0$/);

    calls.length = 0;
    graph.dispose();
    graph.dispose();
    expect(names()).toEqual(["synchronizeEvent", "resetGraph"]);
    expect(() => graph.replay()).toThrow(/was disposed/);
  });

  it("a function that throws while it is recorded ends the capture, and the graph is of no use", () => {
    const graph = new Graph({ warmUp: 0 });
    refused.add("captureEnd"); // as PyTorch does when the capture is broken
    const error = new Error("CUDA error: operation not permitted when stream is capturing");
    let thrown: Error | undefined;
    try {
      graph.capture(() => {
        throw error;
      });
    } catch (caught) {
      thrown = caught as Error;
    }
    expect(thrown?.message).toMatch(/not permitted when stream is capturing\n.*nothing may be read back/s);
    expect(thrown?.cause).toBe(error);
    expect(names().slice(-3)).toEqual(["captureBegin", "captureEnd", "leaveStream"]);
    expect(() => graph.replay()).toThrow(/capture of this graph failed/);
    expect(() => new Graph({ pool: graph }).capture(() => 0)).toThrow(/capture of this graph failed/);
    graph.dispose();
    expect(names().at(-1)).toBe("resetGraph");
  });

  it("a mistake that is not CUDA's comes through as it is", () => {
    const mistake = new RangeError("a mistake");
    const graph = new Graph({ warmUp: 0 });
    expect(() =>
      graph.capture(() => {
        throw mistake;
      }),
    ).toThrow(mistake);
    expect(names().slice(-2)).toEqual(["captureEnd", "leaveStream"]);
    expect(() => new Graph({ warmUp: 0 }).capture(async () => {})).toThrow(/returned a promise/);
  });

  it("a failing warm-up records nothing, and the graph can be tried again", () => {
    const graph = new Graph();
    expect(() => graph.capture(() => expect.fail("not yet"))).toThrow("not yet");
    expect(names()).not.toContain("captureBegin");
    expect(names().at(-1)).toBe("leaveStream");
    expect(graph.capture(() => 1)).toBe(1);
  });

  it("an end that fails is explained", () => {
    refused.add("captureEnd");
    const graph = new Graph({ warmUp: 0 });
    expect(() => graph.capture(() => 1)).toThrow(
      /no captureEnd when stream is capturing\n.*while a graph was recorded/s,
    );
    expect(() => graph.replay()).toThrow(/failed/);
  });
});

/** The thread that runs ONNX Runtime: `session.run` blocks its thread, so it must not be the caller's. */
import { join } from "node:path";
import { parentPort } from "node:worker_threads";
import type { InferenceSession } from "onnxruntime-node";
import ort from "onnxruntime-node";
import { type GeneratorConfig, noneId } from "../../config/architecture.js";
import type { DrawPlan } from "../../drawing/plan.js";
import type { HostArray, SessionRequest } from "../engine.js";
import { Answer, type Flag, found, type Methods, serve } from "../rpc.js";
import { type GraphStepOptions, graphSteps } from "./graph-step.js";
import { askMachine } from "./machine.js";
import { ModulationTables } from "./modulation.js";
import { StepRunner } from "./runner.js";
import type { StepEngine } from "./stepper.js";
import { MODEL_FILE } from "./weights.js";
import { WindowChoice } from "./window.js";

export interface SessionSettings {
  readonly threads: number;
}

export interface GeneratorSettings extends SessionSettings, GraphStepOptions {
  /** Positions of a lone image computed at once; default: chosen by their speed. */
  readonly window?: number | undefined;
  /** Classes whose modulation one call computes. */
  readonly together: number;
}

/** Tokens, and the network's steps so far. */
export interface Drawn {
  readonly tokens: Int32Array;
  readonly steps: number;
}

interface LoadedGenerator {
  readonly config: GeneratorConfig;
  readonly steps: StepEngine;
  readonly modulation: InferenceSession;
  readonly tables: ModulationTables;
  readonly windows: WindowChoice;
}

const graphs = new Map<number, InferenceSession>();
const generators = new Map<number, LoadedGenerator>();
const runners = new Map<number, StepRunner>();
let ids = 0;

const open = (folder: string, { threads }: SessionSettings): Promise<InferenceSession> =>
  ort.InferenceSession.create(join(folder, MODEL_FILE), {
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { dynamic_block_base: "2" } }, // work in smaller pieces: a busy core holds the others up for less (docs/log.md)
    enableMemPattern: false, // with the arena alone the decoder is faster and its peak lower (docs/log.md)
    logSeverityLevel: 4, // errors reach the caller; nothing is printed
  });

const int64 = (values: Int32Array, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), shape);

function feed({ data, shape }: HostArray): ort.Tensor {
  return data instanceof Int32Array ? int64(data, shape) : new ort.Tensor("float32", data, shape);
}

function hostArray({ data, dims }: ort.Tensor): HostArray {
  if (data instanceof BigInt64Array) return { data: Int32Array.from(data, Number), shape: dims };
  return { data: data as Float32Array, shape: dims };
}

/** Answers, and then stores keys and values, while the caller does what it does with a step. */
function answered<V>(runner: StepRunner, value: V): Answer<V> {
  return new Answer(value, [], () => {
    const stored = runner.advance();
    stored.catch(() => {}); // the next step meets the error; without one nobody needs to know
    upkeep.set(runner, stored);
  });
}
const upkeep = new WeakMap<StepRunner, Promise<void>>();

const methods = {
  askMachine,

  async loadGraph(folder: string, settings: SessionSettings): Promise<number> {
    graphs.set(++ids, await open(folder, settings));
    return ids;
  },

  async runGraph(id: number, inputs: Record<string, HostArray>): Promise<Answer<Record<string, HostArray>>> {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, feed(array)]));
    const out = await found(graphs, id).run(feeds);
    const arrays = Object.fromEntries(Object.entries(out).map(([name, tensor]) => [name, hostArray(tensor)]));
    return new Answer(arrays);
  },

  /** Milliseconds of each of `runs` runs; for measuring the machine. */
  async timeGraph(id: number, inputs: Record<string, HostArray>, runs: number): Promise<number[]> {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, array]) => [name, feed(array)]));
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      await found(graphs, id).run(feeds);
      times.push(performance.now() - start);
    }
    return times;
  },

  async releaseGraph(id: number): Promise<void> {
    await graphs.get(id)?.release();
    graphs.delete(id);
  },

  async loadGenerator(
    config: GeneratorConfig,
    folders: { step: string; modulation: string },
    settings: GeneratorSettings,
  ): Promise<number> {
    const steps = graphSteps(config, await open(folders.step, settings), settings);
    const modulation = await open(folders.modulation, settings);
    const tables = new ModulationTables({
      compute: async (conditions, positions) => {
        const n = conditions.length;
        const out = await modulation.run({
          condition: int64(conditions, [n]),
          position: int64(positions, [n]),
        });
        return out.table!.data as Float32Array;
      },
      positions: config.tokens + 1,
      pinned: noneId(config),
      together: settings.together,
    });
    const windows = new WindowChoice(settings.window ?? steps.most, settings.window);
    generators.set(++ids, { config, steps, modulation, tables, windows });
    return ids;
  },

  async releaseGenerator(id: number): Promise<void> {
    const generator = generators.get(id);
    generators.delete(id);
    await generator?.steps.release();
    await generator?.modulation.release();
  },

  async openSession(generatorId: number, request: SessionRequest): Promise<{ id: number; most: number }> {
    const { config, steps, tables, windows } = found(generators, generatorId);
    const runner = new StepRunner(config, steps, tables, request, windows);
    await runner.start();
    runners.set(++ids, runner);
    return { id: ids, most: runner.most };
  },

  async prefill(id: number): Promise<Answer<Float32Array>> {
    const runner = found(runners, id);
    return answered(runner, await runner.prefill());
  },

  async step(id: number, tokens: Int32Array): Promise<Answer<Float32Array>> {
    const runner = found(runners, id);
    await upkeep.get(runner);
    return answered(runner, await runner.step(tokens));
  },

  async draw(id: number, plan: DrawPlan, closed: Flag): Promise<Answer<Drawn>> {
    const runner = found(runners, id, closed);
    await upkeep.get(runner);
    const tokens = await runner.draw(plan);
    return answered(runner, { tokens, steps: runner.steps });
  },

  async closeSession(id: number): Promise<void> {
    const runner = runners.get(id);
    if (!runner) return;
    runners.delete(id);
    await upkeep.get(runner)?.catch(() => {});
    runner.close();
  },

  async dispose(): Promise<void> {
    runners.clear();
    for (const id of [...graphs.keys()]) await methods.releaseGraph(id);
    for (const id of [...generators.keys()]) await methods.releaseGenerator(id);
  },
};

if (parentPort) serve(parentPort, methods as unknown as Methods);
export type WorkerMethods = typeof methods;

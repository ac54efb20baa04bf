/** The thread that runs libtorch: its calls block their thread, so it must not be the caller's. */
import { parentPort } from "node:worker_threads";
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig, TokenizerConfig } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import type { DrawPlan } from "../../drawing/plan.js";
import type { SessionRequest } from "../engine.js";
import { Answer, type Flag, found, type Methods, serve } from "../rpc.js";
import { type LoadedGenerator, loadedGenerator } from "./generator.js";
import { stepperMaker } from "./kernels/choose.js";
import { recordGraph } from "./record.js";
import { TorchRunner } from "./runner.js";
import { type MakeStepper, Steppers } from "./stepper.js";
import { type LoadedTokenizer, loadedTokenizer } from "./tokenizer.js";

let device = "cpu";
let makeStepper: MakeStepper = stepperMaker({ kernels: false });
/** Weights on their way here, by model. */
const arriving = new Map<number, Map<string, Tensor>>();
const generators = new Map<number, { readonly model: LoadedGenerator; readonly steppers: Steppers }>();
const tokenizers = new Map<number, LoadedTokenizer>();
const runners = new Map<number, TorchRunner>();
/** The generator of each session: a recorded step would go on without its weights. */
const owners = new Map<number, number>();
let ids = 0;

/** Weights are never trained here: inference mode spares the bookkeeping. */
const quick = <R>(fn: () => R): R => torch.inferenceMode(fn);

function close(session: number): void {
  runners.get(session)?.dispose();
  runners.delete(session);
  owners.delete(session);
}

const methods = {
  /** @returns the device in full, with its number */
  start(wanted: string, threads: number, graphs: boolean, kernels: boolean): string {
    const devices = torch.cudaDevices();
    if (wanted !== "cpu") {
      const index = Number(/^cuda(?::(\d+))?$/.exec(wanted)?.[1] ?? 0);
      if (devices === 0)
        throw new RarityError(
          "engine",
          "This libtorch sees no CUDA device. Use --device cpu, or set libtorch up again with `npm run setup -- --cuda`.",
        );
      if (index >= devices)
        throw new RarityError(
          "engine",
          `There is no device ${wanted}: this machine has cuda:0 to cuda:${devices - 1}.`,
        );
      wanted = `cuda:${index}`;
      torch.allowTF32(false);
      makeStepper = stepperMaker({ kernels, record: graphs ? recordGraph(wanted) : undefined });
    }
    torch.setThreads(threads);
    device = wanted;
    return device;
  },

  begin(): number {
    arriving.set(++ids, new Map());
    return ids;
  },

  put(id: number, name: string, data: Float32Array, shape: readonly number[], dtype: DType): void {
    quick(() =>
      torch.scope(() => {
        const host = torch.tensor(data, { shape });
        found(arriving, id).set(name, torch.keep(torch.to(host, { device, dtype, copy: false })));
      }),
    );
  },

  generator(id: number, config: GeneratorConfig, dtype: DType): void {
    const model = quick(() => loadedGenerator(config, found(arriving, id), device, dtype));
    generators.set(id, { model, steppers: new Steppers(model, makeStepper, device !== "cpu") });
    arriving.delete(id);
  },

  tokenizer(id: number, config: TokenizerConfig, half: boolean): void {
    tokenizers.set(id, loadedTokenizer(config, found(arriving, id), device, half));
    arriving.delete(id);
  },

  release(id: number): void {
    for (const tensor of arriving.get(id)?.values() ?? []) tensor.dispose();
    for (const [session, owner] of owners) if (owner === id) close(session);
    const generator = generators.get(id);
    generator?.steppers.dispose();
    generator?.model.dispose();
    tokenizers.get(id)?.dispose();
    for (const map of [arriving, generators, tokenizers]) map.delete(id);
  },

  openSession(generator: number, request: SessionRequest): number {
    const { model, steppers } = found(generators, generator);
    runners.set(
      ++ids,
      quick(() => new TorchRunner(model, steppers, request)),
    );
    owners.set(ids, generator);
    return ids;
  },

  prefill(id: number): Answer<Float32Array> {
    const runner = found(runners, id);
    quick(() => runner.prefill());
    return floats(runner.logits());
  },

  step(id: number, tokens: Int32Array): Answer<Float32Array> {
    const runner = found(runners, id);
    quick(() => runner.step(tokens));
    return floats(runner.logits());
  },

  draw: (id: number, plan: DrawPlan, closed: Flag): Int32Array =>
    quick(() => found(runners, id, closed).draw(plan)),

  closeSession: (id: number): void => close(id),

  encode: (id: number, planes: Float32Array, count: number, height: number, width: number): Int32Array =>
    quick(() => found(tokenizers, id).encode(planes, count, height, width)),

  decode: (
    id: number,
    codes: Int32Array,
    count: number,
    h: number,
    w: number,
    atOnce: number,
  ): Answer<Float32Array> => floats(quick(() => found(tokenizers, id).decode(codes, count, h, w, atOnce))),
} satisfies Methods;

const floats = (data: Float32Array): Answer<Float32Array> => new Answer(data, [data.buffer as ArrayBuffer]);

if (parentPort) serve(parentPort, methods as Methods);

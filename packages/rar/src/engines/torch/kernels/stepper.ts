/** A stepper whose steps are kernels of our own: one graph for all positions, for the position is a number on the device. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { modulationParts } from "../../../networks/generator.js";
import type { LoadedGenerator } from "../generator.js";
import { KeyValueCache } from "../kv-cache.js";
import { CHUNK, type ModulationSource } from "../modulation.js";
import type { Recorded, Recorder } from "../record.js";
import type { Drawing, StepInput, Stepper } from "../stepper.js";
import type { StepKernels } from "./program.js";
import { type DrawBuffers, kernelDraw, kernelFeed, kernelStep, type StepBuffers } from "./step.js";

export class KernelStepper implements Stepper {
  readonly #model: LoadedGenerator;
  readonly #kernels: StepKernels;
  readonly #record: Recorder | undefined;
  readonly #cache: KeyValueCache;
  readonly #rows: number;
  #buffers: StepBuffers;
  /** A step, whose x was made by hand. */
  #alone: Recorded | undefined;
  /** A draw and the step after it. */
  #whole: Recorded | undefined;
  #drawn: DrawBuffers | undefined;
  /** Which chunk of whose modulation the table holds. */
  #chunk: { readonly of: ModulationSource; readonly index: number } | undefined;

  /** @param record - undefined: kernel by kernel */
  constructor(model: LoadedGenerator, rows: number, kernels: StepKernels, record: Recorder | undefined) {
    const { config, device, dtype } = model;
    this.#model = model;
    this.#kernels = kernels;
    this.#record = record;
    this.#rows = rows;
    this.#cache = new KeyValueCache(config, rows, config.tokens + 1, device, dtype);
    this.#buffers = {
      state: this.#room([3], "int32"),
      table: this.#table(0),
      condition: this.#room([rows], "int64"),
      x: this.#room([rows, config.width], "float32"),
      cache: this.#cache.layers,
      attended: this.#room([rows, config.width]),
      qkv: this.#room([rows, 3 * config.width]),
      hidden: this.#room([rows, config.mlpWidth]),
      logits: this.#room([rows, config.codebookSize], "float32"),
    };
  }

  #table(conditions: number): Tensor {
    const { config } = this.#model;
    return this.#room([conditions, CHUNK, modulationParts(config), config.width]);
  }

  run(input: StepInput, position: number): Tensor {
    this.#takeModulation(input.modulations, position);
    this.#embed(input, position);
    if (!this.#record) {
      torch.scope(() => void this.#step());
      return this.#buffers.logits;
    }
    if (!this.#alone) {
      this.#alone = this.#record(() => this.#step());
      this.#embed(input, position); // recording has run a step, which left its own x
    }
    this.#alone.start();
    return this.#buffers.logits;
  }

  /** @returns the logits, as a tensor of the recording's own */
  #step(): Tensor {
    kernelStep(this.#model, this.#kernels, this.#buffers);
    return torch.narrow(this.#buffers.logits, 0, 0, this.#rows);
  }

  #embed({ content, where, next }: StepInput, position: number): void {
    const { tables } = this.#model;
    const { state, x } = this.#buffers;
    this.#kernels.run.embed(
      this.#rows,
      false,
      ...[tables.content, tables.where, tables.next, content, content.shape[0]!, where, next],
      ...[position, state, x],
    );
  }

  draw(drawing: Drawing): { readonly tokens: Tensor; readonly broken: Tensor } {
    const to = this.#prepare(drawing);
    const { place, factors, modulations } = drawing;
    const last = this.#model.config.tokens - 1;
    for (let i = place; i < place + factors.length; i++) {
      if (i === last) {
        kernelDraw(this.#kernels, this.#buffers, to);
        break;
      }
      this.#takeModulation(modulations, i + 2);
      if (this.#record) {
        this.#whole ??= this.#recordWhole(this.#record, to);
        this.#whole.start();
      } else torch.scope(() => void this.#drawAndStep(to));
    }
    return to;
  }

  /** One place and the position after it: all that it needs to know of them is on the device. */
  #drawAndStep(to: DrawBuffers): Tensor {
    kernelDraw(this.#kernels, this.#buffers, to);
    kernelFeed(this.#kernels, this.#model, this.#buffers, to);
    return this.#step();
  }

  /** Recording runs a step, after which the one before must be found again. */
  #recordWhole(record: Recorder, to: DrawBuffers): Recorded {
    const { state, logits } = this.#buffers;
    const [stateBefore, logitsBefore] = [torch.clone(state), torch.clone(logits)];
    const recorded = record(() => this.#drawAndStep(to));
    torch.copy_(state, stateBefore);
    torch.copy_(logits, logitsBefore);
    stateBefore.dispose();
    logitsBefore.dispose();
    return recorded;
  }

  /** Writes where the kernels find it what a plan says. */
  #prepare({ place, factors, temperature, noise, where, next }: Drawing): DrawBuffers {
    const images = noise.indices.length;
    if (this.#drawn?.tokens.shape[1] !== images) {
      this.#forgetRecorded();
      this.#forgetDrawn();
      this.#drawn = this.#drawBuffers(images);
    }
    const to = this.#drawn!;
    torch.scope(() => {
      torch.copy_(
        torch.narrow(to.factors, 0, place, factors.length),
        torch.tensor(Float32Array.from(factors)),
      );
      torch.copy_(to.words, torch.tensor(drawWords(noise)));
      torch.fill_(to.temperature, temperature);
      torch.fill_(to.broken, 0);
      torch.copy_(to.where, where);
      torch.copy_(to.next, next);
    });
    return to;
  }

  #drawBuffers(images: number): DrawBuffers {
    const { tokens } = this.#model.config;
    return {
      factors: this.#room([tokens], "float32"),
      temperature: this.#room([1], "float64"),
      words: this.#room([2 + 2 * images], "int32"),
      where: this.#room([tokens + 1], "int64"),
      next: this.#room([tokens + 1], "int64"),
      tokens: this.#room([tokens, images], "int64"),
      broken: this.#room([1], "int32"),
    };
  }

  #room(shape: readonly number[], type: torch.DType = this.#model.dtype): Tensor {
    return torch.keep(torch.zeros(shape, { device: this.#model.device, dtype: type }));
  }

  /** Brings the position's chunk of the modulation to where the kernels read it. */
  #takeModulation(modulations: ModulationSource, position: number): void {
    const index = Math.floor(position / CHUNK);
    if (this.#chunk?.of === modulations && this.#chunk.index === index) return;
    torch.scope(() => {
      const chunk = modulations.chunk(position);
      const [conditions, positions] = chunk.shape as [number, number];
      this.#makeRoom(conditions);
      const { table, condition } = this.#buffers;
      torch.copy_(torch.narrow(torch.narrow(table, 0, 0, conditions), 1, 0, positions), chunk);
      torch.copy_(condition, modulations.rows);
    });
    modulations.release();
    this.#chunk = { of: modulations, index };
  }

  /** A larger table lies elsewhere, so a graph recorded before is of no use. The second one is as large as any batch needs. */
  #makeRoom(conditions: number): void {
    const { table } = this.#buffers;
    const had = table.shape[0]!;
    if (conditions <= had) return;
    this.#forgetRecorded();
    table.dispose();
    this.#buffers = { ...this.#buffers, table: this.#table(had === 0 ? conditions : this.#rows) };
  }

  /** Recorded steps hold addresses. */
  #forgetRecorded(): void {
    this.#alone?.dispose();
    this.#whole?.dispose();
    this.#alone = this.#whole = undefined;
  }

  #forgetDrawn(): void {
    for (const tensor of Object.values(this.#drawn ?? {}) as Tensor[]) tensor.dispose();
    this.#drawn = undefined;
  }

  dispose(): void {
    this.#forgetRecorded();
    this.#forgetDrawn();
    const { cache: _, ...own } = this.#buffers;
    for (const tensor of Object.values(own) as Tensor[]) tensor.dispose();
    this.#cache.dispose();
  }
}

/** The seed's words, low and high, then those of each image's counter, as the kernel that draws takes them. */
export const drawWords = ({ seed, indices, domain }: Drawing["noise"]): Int32Array =>
  Int32Array.from(
    [[seed, 0] as const, ...indices.map((index) => [index, domain] as const)].flatMap(([number, high]) => [
      (number % 2 ** 32) | 0,
      (Math.floor(number / 2 ** 32) + high) | 0,
    ]),
  );

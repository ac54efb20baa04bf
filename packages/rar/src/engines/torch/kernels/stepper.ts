/** A stepper whose steps are kernels of our own: one graph for all positions, for the position is a number on the device. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { modulationParts } from "../../../networks/generator.js";
import type { LoadedGenerator } from "../generator.js";
import { KeyValueCache } from "../kv-cache.js";
import { CHUNK, type ModulationSource } from "../modulation.js";
import type { Drawing, Record, Recorded, StepInput, Stepper } from "../stepper.js";
import type { StepKernels } from "./program.js";
import { kernelStep, type StepBuffers } from "./step.js";

export class KernelStepper implements Stepper {
  readonly #model: LoadedGenerator;
  readonly #kernels: StepKernels;
  readonly #record: Record | undefined;
  readonly #cache: KeyValueCache;
  readonly #rows: number;
  #buffers: StepBuffers;
  #recorded: Recorded | undefined;
  #logits: Tensor | undefined;
  /** Which chunk of whose modulation the table holds. */
  #chunk: { readonly of: ModulationSource; readonly index: number } | undefined;

  /** @param record - undefined: kernel by kernel */
  constructor(model: LoadedGenerator, rows: number, kernels: StepKernels, record: Record | undefined) {
    const { config, device, dtype } = model;
    this.#model = model;
    this.#kernels = kernels;
    this.#record = record;
    this.#rows = rows;
    this.#cache = new KeyValueCache(config, rows, config.tokens + 1, device, dtype);
    const room = (shape: readonly number[], type: torch.DType = dtype): Tensor =>
      torch.keep(torch.zeros(shape, { device, dtype: type }));
    this.#buffers = {
      state: room([2], "int32"),
      table: this.#table(0),
      condition: room([rows], "int64"),
      x: room([rows, config.width], "float32"),
      cache: this.#cache.layers,
      attended: room([rows, config.width]),
      qkv: room([rows, 3 * config.width]),
      hidden: room([rows, config.mlpWidth]),
      logits: room([rows, config.codebookSize], "float32"),
    };
  }

  #table(conditions: number): Tensor {
    const { config, device, dtype } = this.#model;
    return torch.keep(
      torch.zeros([conditions, CHUNK, modulationParts(config), config.width], { device, dtype }),
    );
  }

  run(input: StepInput, position: number): Tensor {
    this.#takeModulation(input.modulations, position);
    this.#embed(input, position);
    if (!this.#record) {
      this.#logits?.dispose();
      this.#logits = torch.scope(() => torch.keep(kernelStep(this.#model, this.#kernels, this.#buffers)));
      return this.#logits;
    }
    if (!this.#recorded) {
      this.#recorded = this.#record(() => kernelStep(this.#model, this.#kernels, this.#buffers));
      this.#embed(input, position); // recording has run a step, which left its own x
    }
    this.#recorded.start();
    return this.#recorded.result;
  }

  #embed({ content, where, next }: StepInput, position: number): void {
    const { tables } = this.#model;
    const { state, x } = this.#buffers;
    this.#kernels.run.embed(
      this.#rows,
      false,
      ...[tables.content, tables.where, tables.next, content, content.shape[0]!, where, next],
      ...[position, position % CHUNK, state, x],
    );
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
    this.#recorded?.dispose();
    this.#recorded = undefined;
    table.dispose();
    this.#buffers = { ...this.#buffers, table: this.#table(had === 0 ? conditions : this.#rows) };
  }

  draw({ images, factor, temperature, place, seed, indices, tokens, broken }: Drawing): void {
    const logits = this.#recorded?.result ?? this.#logits!;
    this.#kernels.run.draw(
      images,
      false,
      ...[logits, images, logits.shape[0] === images ? 0 : 1, factor, temperature, place],
      ...[seed % 2 ** 32, Math.floor(seed / 2 ** 32), indices, tokens, broken],
    );
  }

  dispose(): void {
    this.#recorded?.dispose();
    this.#logits?.dispose();
    const { cache: _, ...own } = this.#buffers;
    for (const tensor of Object.values(own) as Tensor[]) tensor.dispose();
    this.#cache.dispose();
  }
}

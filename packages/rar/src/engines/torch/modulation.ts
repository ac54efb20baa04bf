/** What conditioning does to every layer, computed for a chunk of positions at a time and handed out position by position. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { type GeneratorConfig, noneId } from "../../config/architecture.js";
import { conditioning, modulationParts, modulationTable } from "../../networks/generator.js";
import type { LoadedGenerator } from "./generator.js";

/** Positions of one chunk: enough rows for a product to be bound by arithmetic, few enough to hold. */
export const CHUNK = 33;

/** Bytes of one chunk of `conditions` conditions, for numbers of `bytes` bytes. */
export const chunkBytes = (config: GeneratorConfig, conditions: number, bytes: number): number =>
  conditions * CHUNK * modulationParts(config) * config.width * bytes;

/** What a stepper asks of {@link Modulations}. */
export type ModulationSource = Pick<Modulations, "conditions" | "rows" | "chunk" | "release" | "at">;

export class Modulations {
  readonly #model: LoadedGenerator;
  /** Distinct conditions. */
  readonly conditions: readonly number[];
  /** Which of them each row has, [rows] int64. */
  readonly rows: Tensor;
  readonly #ids: Tensor; // of the distinct conditions, [conditions]
  #chunk: { readonly index: number; readonly table: Tensor } | undefined;

  constructor(model: LoadedGenerator, conditions: readonly number[]) {
    this.#model = model;
    this.conditions = [...new Set(conditions)];
    const rows = conditions.map((id) => BigInt(this.conditions.indexOf(id)));
    const ids = (values: readonly bigint[]): Tensor =>
      torch.keep(torch.tensor(BigInt64Array.from(values), { device: model.device }));
    this.rows = ids(rows);
    this.#ids = ids(this.conditions.map(BigInt));
  }

  /** That of the chunk which a position is in: [conditions, positions, parts, D]; valid until another chunk is asked for. */
  chunk(position: number): Tensor {
    const index = Math.floor(position / CHUNK);
    if (this.#chunk?.index !== index) {
      this.release(); // before the next is made
      this.#chunk = { index, table: torch.keep(this.#compute(index)) };
    }
    return this.#chunk.table;
  }

  /** Frees the chunk held, where it was copied. */
  release(): void {
    this.#chunk?.table.dispose();
    this.#chunk = undefined;
  }

  /** Packed modulation of all rows at one position: [parts * rows, 1, D]. */
  at(position: number): Tensor {
    const { width: D } = this.#model.config;
    return torch.scope(() => {
      const here = torch.select(this.chunk(position), 1, position % CHUNK); // [conditions, parts, D]
      const rows = torch.index_select(torch.transpose(here, 0, 1), 1, this.rows); // [parts, rows, D]
      return torch.reshape(rows, [-1, 1, D]);
    });
  }

  /** [conditions, positions of the chunk, parts, D] */
  #compute(index: number): Tensor {
    const { config, ops, weights, device, modulation } = this.#model;
    const first = index * CHUNK;
    const positions = Math.min(CHUNK, config.tokens + 1 - first);
    return torch.scope(() => {
      // Without a copy from the host, which would wait for the device.
      const each = (ids: Tensor): Tensor =>
        torch.reshape(torch.expand(ids, [this.conditions.length, positions]), [-1]);
      const range = torch.arange(first, first + positions, 1, { dtype: "int64", device });
      const of = [each(torch.unsqueeze(this.#ids, 1)), each(range)] as const;
      const table = modulation
        ? ops.linear(ops.silu(conditioning(ops, config, weights, ...of)), modulation.weight, modulation.bias)
        : modulationTable(ops, config, weights, ...of);
      return torch.view(table, [this.conditions.length, positions, modulationParts(config), config.width]);
    });
  }

  dispose(): void {
    this.rows.dispose();
    this.#ids.dispose();
    this.release();
  }
}

/** Condition of each row: the images', then "none" for each where guidance needs it. */
export const rowConditions = (
  config: GeneratorConfig,
  conditions: Int32Array,
  guided: boolean,
): readonly number[] => [
  ...conditions,
  ...(guided ? new Array<number>(conditions.length).fill(noneId(config)) : []),
];

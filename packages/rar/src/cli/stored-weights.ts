/** Weights on their way into a file of another element type, one tensor at a time. */
import { RarityError } from "../config/errors.js";
import { float32ToBfloat16, float32ToFloat16 } from "../weights/floats.js";
import { quantizationMetadata, quantizeTensor } from "../weights/quantized.js";
import {
  type DType,
  dtypeBytes,
  type HostTensor,
  type TensorFile,
  type TensorInfo,
  type TensorSource,
} from "../weights/tensor-file.js";
import { byteCount, type TensorStream } from "../weights/tensor-stream.js";

export const storedTypes = ["float32", "bfloat16", "float16", "int8"] as const;
export type StoredType = (typeof storedTypes)[number];

export interface StoreOptions {
  /** Default: as they are. */
  readonly dtype?: StoredType | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bytes given to the writer so far. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

export interface StoredWeights {
  readonly stream: TensorStream;
  /** For the header of a safetensors file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of all tensors as they will be stored. */
  readonly bytes: number;
  /** What a user should know, complete once everything was written: weights that became infinite, or were no numbers. */
  readonly notes: readonly string[];
}

const floating: ReadonlySet<DType> = new Set(["F64", "F32", "F16", "BF16"]);
const plainTypes = { float32: "F32", bfloat16: "BF16", float16: "F16" } as const;

/** The bulk of the bytes: matrices of a generator, which int8 inference reads as int8 as well, its tables of places, and a tokenizer's convolutions. */
export const isLarge = ({ name, shape }: TensorInfo): boolean =>
  shape.length === 4 ||
  /^(?:pos_embed|target_aware_pos_embed|timesteps_embeddings)$/.test(name) ||
  (shape.length === 2 &&
    /^(?:blocks\.\d+\.(?:attn\.(?:qkv|proj)|mlp\.fc[12]|adaLN_modulation\.1)|adaln_before_head\.adaLN_modulation\.1|lm_head|embeddings)\.weight$/.test(
      name,
    ));

export function storedWeights(source: TensorSource | TensorFile, options: StoreOptions = {}): StoredWeights {
  const { signal, onBytes } = options;
  const quantized = "metadata" in source && "rarity.quantization" in source.metadata;
  const dtype = options.dtype ?? (quantized ? "int8" : undefined);
  const notes: string[] = [];
  const owners = new Map<string, TensorInfo>();
  const infos = [...source.tensors.values()].flatMap((info) => {
    const stored = storedForms(info, dtype, quantized);
    for (const { name } of stored) owners.set(name, info);
    return stored;
  });
  let given = 0;
  const stream: TensorStream = {
    infos,
    async data(info) {
      signal?.throwIfAborted();
      const owner = owners.get(info.name)!;
      const data = await elements(source, owner, info, dtype, notes);
      given += data.byteLength;
      onBytes?.(given);
      return data;
    },
  };
  const isInt8 = infos.some(({ name, dtype: own }) => own === "I8" && owners.get(`${name}.scale`));
  return {
    stream,
    metadata: { format: "pt", ...(isInt8 && quantizationMetadata) },
    bytes: infos.reduce((sum, info) => sum + byteCount(info), 0),
    notes,
  };
}

/** What one tensor becomes: itself in another type, or int8 numbers and their scales. Integers stay what they are. */
function storedForms(info: TensorInfo, dtype: StoredType | undefined, quantized: boolean): TensorInfo[] {
  const { name, shape } = info;
  const isWeight = floating.has(info.dtype) || (quantized && info.dtype === "I8");
  if (dtype === undefined || !isWeight) return [{ name, shape, dtype: info.dtype }];
  if (dtype !== "int8") return [{ name, shape, dtype: plainTypes[dtype] }];
  if (!isLarge(info)) return [{ name, shape, dtype: "BF16" }];
  return quantizeTensor(name, [0, ...shape.slice(1)], new Float32Array(0)).map((form) => ({
    name: form.name,
    dtype: form.dtype,
    shape: [shape[0]!, ...form.shape.slice(1)],
  }));
}

async function elements(
  source: TensorSource | TensorFile,
  owner: TensorInfo,
  wanted: TensorInfo,
  dtype: StoredType | undefined,
  notes: string[],
): Promise<HostTensor["data"]> {
  if (dtype !== "int8" && wanted.dtype === owner.dtype && "read" in source)
    return (await source.read(owner.name)).data;
  const values = await source.readFloat32(owner.name);
  switch (wanted.dtype) {
    case "F32":
      return wanted.name === owner.name ? values : int8Forms(owner, values)[1].data;
    case "I8":
      return int8Forms(owner, values)[0].data;
    case "BF16":
      return float32ToBfloat16(values);
    case "F16": {
      const beyond = values.reduce(
        (count, value) => count + (Math.abs(value) >= 65520 && Number.isFinite(value) ? 1 : 0),
        0,
      );
      if (beyond > 0)
        notes.push(`"${owner.name}": ${beyond} weights are beyond float16's 65504 and became infinite.`);
      return float32ToFloat16(values);
    }
    default:
      throw new TypeError(`"${owner.name}" is ${owner.dtype}; it cannot become ${wanted.dtype}.`);
  }
}

function int8Forms(owner: TensorInfo, values: Float32Array): readonly [HostTensor, HostTensor] {
  try {
    return quantizeTensor(owner.name, owner.shape, values);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RarityError(
      "bad-file",
      `Cannot store "${owner.name}" as int8: ${error.message} Use --dtype bfloat16.`,
      {
        cause: error,
      },
    );
  }
}

/** Bytes of elements of a type, for messages about sizes. */
export const elementBytes = (dtype: DType): number => dtypeBytes[dtype];

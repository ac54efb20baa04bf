/**
 * Checkpoints of a training run: tensors are copied to the host at one moment, and written by a thread of their own while
 * training goes on; where memory does not allow the copy, training waits.
 */
import { freemem } from "node:os";
import { Worker } from "node:worker_threads";
import type { Tensor, DType as TorchType } from "libtorch";
import * as torch from "libtorch";
import { RarityError } from "../config/errors.js";
import { type DType, dtypeBytes, type HostTensor, type TensorData } from "../weights/tensor-file.js";
import type { TensorStream } from "../weights/tensor-stream.js";
import { writeCheckpoint } from "./checkpoint-folder.js";
import type { WriteOrder, WriteReply } from "./checkpoint-worker.js";

export { type Checkpoint, latestCheckpoint } from "./checkpoint-read.js";

export interface CheckpointContent {
  /** Tensors by file name and by name: `generator.safetensors`, `moments.safetensors`. */
  readonly tensors: Readonly<Record<string, ReadonlyMap<string, Tensor>>>;
  /** Everything else that the run needs to go on; becomes `state.json`. */
  readonly state: unknown;
  /** Further text files by name. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
}

export interface SaveOptions {
  /** How many checkpoints stay, the new one included; 0 keeps all. Default 3. */
  readonly keep?: number | undefined;
  /** Copy and write in a thread of its own. Default: where half of the free memory holds the copy. */
  readonly beside?: boolean | undefined;
}

export interface SavedCheckpoint {
  readonly step: number;
  readonly bytes: number;
}

/** A save under way. */
export interface Saving {
  /** From here on the tensors may change again. Does not reject. */
  readonly copied: Promise<void>;
  /** When it is on disk. @throws {RarityError} "io" where the disk fails; older checkpoints are then as they were */
  readonly written: Promise<SavedCheckpoint>;
}

export const keptByDefault = 3;

/** Writes `OUTPUT/checkpoint-STEP` and waits for it. See {@link beginSave}. */
export const saveCheckpoint = (
  outputDir: string,
  step: number,
  content: CheckpointContent,
  options: SaveOptions = {},
): Promise<SavedCheckpoint> => beginSave(outputDir, step, content, options).written;

/** Begins to write `OUTPUT/checkpoint-STEP`. Await one save before beginning the next into the same folder. */
export function beginSave(
  outputDir: string,
  step: number,
  { tensors, state, texts: others = {} }: CheckpointContent,
  { keep = keptByDefault, beside }: SaveOptions = {},
): Saving {
  const texts = { "state.json": `${JSON.stringify(state, null, 2)}\n`, ...others };
  const maps = Object.entries(tensors);
  if (beside ?? bytesOf(maps.map(([, map]) => map)) <= freemem() / 2) {
    const copies = Object.fromEntries(maps.map(([name, map]) => [name, [...map].map(hostCopy)]));
    return {
      copied: Promise.resolve(),
      written: writeBeside({ outputDir, step, keep, texts, tensors: copies }).then((bytes) => ({
        step,
        bytes,
      })),
    };
  }
  const streams = Object.fromEntries(maps.map(([name, map]) => [name, streamOf(map)]));
  const written = writeCheckpoint(outputDir, step, { tensors: streams, texts }, keep).then((bytes) => ({
    step,
    bytes,
  }));
  return {
    copied: written.then(
      () => {},
      () => {},
    ),
    written,
  };
}

/** libtorch's names of element types in the words of tensor files. */
const types: Partial<Record<TorchType, DType>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

function typeOf(name: string, x: Tensor): DType {
  const dtype = types[x.dtype];
  if (dtype === undefined) throw new TypeError(`"${name}" is ${x.dtype}, which tensor files do not hold.`);
  return dtype;
}

function hostData(x: Tensor): TensorData {
  return torch.noGrad(() =>
    torch.scope(() => torch.contiguous(torch.to(torch.detach(x), { device: "cpu" })).data() as TensorData),
  );
}

/** A tensor as a file takes it: a copy of its numbers. */
export const hostCopy = ([name, x]: readonly [string, Tensor]): HostTensor => ({
  name,
  dtype: typeOf(name, x),
  shape: x.shape,
  data: hostData(x),
});

/** Tensors that a writer reads one by one. They must not change before it is done. */
export const streamOf = (map: ReadonlyMap<string, Tensor>): TensorStream => ({
  infos: [...map].map(([name, x]) => ({ name, dtype: typeOf(name, x), shape: x.shape })),
  data: ({ name }) => hostData(map.get(name)!),
});

const bytesOf = (maps: readonly ReadonlyMap<string, Tensor>[]): number =>
  maps.reduce(
    (sum, map) => [...map].reduce((n, [name, x]) => n + x.size * dtypeBytes[typeOf(name, x)], sum),
    0,
  );

function writeBeside(order: WriteOrder): Promise<number> {
  const buffers = Object.values(order.tensors).flatMap((list) =>
    (list as readonly HostTensor[]).map(({ data }) => data.buffer as ArrayBuffer),
  );
  const worker = new Worker(workerFile(), { workerData: order, transferList: buffers, execArgv: [] });
  return new Promise((resolve, reject) => {
    worker.on("message", (reply: WriteReply) => {
      if ("bytes" in reply) resolve(reply.bytes);
      else reject(new RarityError(reply.code ?? "io", reply.message));
    });
    worker.on("error", reject);
    worker.on("exit", () =>
      reject(new RarityError("io", `checkpoint-${order.step} was not written: its thread ended early.`)),
    );
  });
}

/** The compiled worker, also when this file itself is run from its TypeScript source by the tests. */
const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/training/checkpoint-worker.js", import.meta.url)
    : new URL("./checkpoint-worker.js", import.meta.url);

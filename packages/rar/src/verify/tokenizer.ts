/** Checks of a tokenizer: stages, distances, indices, pixels, odd sizes, single convolutions (REFERENCE 11). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { downsampling, type TokenizerConfig } from "../config/architecture.js";
import type { Engine, HostArray } from "../engines/engine.js";
import type { Ops, Parameters } from "../networks/ops.js";
import {
  codeDistances,
  decode,
  decoderWeights,
  encode,
  encoderWeights,
  quantize,
  samePadding,
} from "../networks/tokenizer.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorFile, TensorSource } from "../weights/tensor-file.js";
import { type CheckResult, close, equal, tensorTolerance } from "./check.js";

export interface TokenizerSubject {
  readonly folder: string;
  readonly engine: Engine;
  readonly config: TokenizerConfig;
  readonly weights: TensorSource;
}

/** Recorded distance gaps below this are near-ties: float32 may choose either code. */
const NEAR_TIE = 1e-3;

export const runEncoder = (
  { engine, config, weights }: Pick<TokenizerSubject, "engine" | "config" | "weights">,
  image: HostArray,
): Promise<Record<string, HostArray>> =>
  engine.evaluate(
    <T>(ops: Ops<T>, get: Parameters<T>, inputs: Readonly<Record<string, T>>) => {
      const outputs: Record<string, T> = {};
      const z = encode(ops, encoderWeights(config, get), inputs.image as T, (name, value) => {
        outputs[`stage.${name}`] = value;
      });
      const codebook = get("quantize.embedding.weight");
      return { ...outputs, distances: codeDistances(ops, codebook, z), indices: quantize(ops, codebook, z) };
    },
    weights,
    { image },
  );

export const runDecoder = (
  { engine, config, weights }: Pick<TokenizerSubject, "engine" | "config" | "weights">,
  codes: HostArray,
): Promise<Record<string, HostArray>> =>
  engine.evaluate(
    <T>(ops: Ops<T>, get: Parameters<T>, inputs: Readonly<Record<string, T>>) => {
      const outputs: Record<string, T> = {};
      const codebook = get("quantize.embedding.weight");
      const raw = decode(ops, decoderWeights(config, get), codebook, inputs.codes as T, (name, value) => {
        outputs[`stage.${name}`] = value;
      });
      return { ...outputs, pixels_raw: raw, pixels: ops.clamp(raw, 0, 1) };
    },
    weights,
    { codes },
  );

async function input(file: TensorFile, name: string, shape?: readonly number[]): Promise<HostArray> {
  return { data: await file.readFloat32(name), shape: shape ?? file.tensors.get(name)!.shape };
}

const ids = ({ data, shape }: HostArray, grid?: readonly number[]): HostArray => ({
  data: Int32Array.from(data),
  shape: grid ?? shape,
});

/** Every recorded tensor that the run also produced; indices exactly, but for near-ties. */
async function* compare(
  engine: Engine,
  file: TensorFile,
  out: Record<string, HostArray>,
  prefix = "",
): AsyncGenerator<CheckResult> {
  for (const name of file.tensors.keys()) {
    const key = name.slice(prefix.length);
    if (!name.startsWith(prefix) || !out[key]) continue;
    const expected = await file.readFloat32(name);
    if (key === "indices") {
      const gap = file.tensors.has(`${prefix}gap`) ? await file.readFloat32(`${prefix}gap`) : undefined;
      yield equal(name, expected, out[key].data, (i) => gap !== undefined && gap[i]! < NEAR_TIE);
    } else {
      yield close(name, expected, out[key].data, tensorTolerance(engine));
    }
  }
}

/** `encode.safetensors` and `odd.safetensors` */
export async function* checkEncode(subject: TokenizerSubject, file: string): AsyncGenerator<CheckResult> {
  await using recorded = await openTensorFile(join(subject.folder, file));
  for await (const result of compare(
    subject.engine,
    recorded,
    await runEncoder(subject, await input(recorded, "image")),
  )) {
    yield { ...result, name: `${file}: ${result.name}` };
  }
  if (!recorded.tensors.has("decoded")) return;
  const [, , height, width] = recorded.tensors.get("image")!.shape as [number, number, number, number];
  const f = downsampling(subject.config);
  const codes = ids(await input(recorded, "indices"), [1, Math.floor(height / f), Math.floor(width / f)]);
  const { pixels } = await runDecoder(subject, codes);
  yield close(
    `${file}: decoded`,
    await recorded.readFloat32("decoded"),
    pixels!.data,
    tensorTolerance(subject.engine),
  );
}

/** `decode.safetensors`: a square grid with its stages, and any grid. */
export async function* checkDecode(subject: TokenizerSubject): AsyncGenerator<CheckResult> {
  await using recorded = await openTensorFile(join(subject.folder, "decode.safetensors"));
  const square = await input(recorded, "indices");
  const side = Math.sqrt(square.shape[1]!);
  yield* named(
    "decode",
    compare(subject.engine, recorded, await runDecoder(subject, ids(square, [1, side, side]))),
  );
  yield* bytes(recorded, "uint8", await runDecoder(subject, ids(square, [1, side, side])));
  const grid = await runDecoder(subject, ids(await input(recorded, "grid.indices")));
  yield* named(
    "decode",
    compare(subject.engine, recorded, { pixels: grid.pixels!, pixels_raw: grid.pixels_raw! }, "grid."),
  );
}

async function* named(prefix: string, results: AsyncIterable<CheckResult>): AsyncGenerator<CheckResult> {
  for await (const result of results) yield { ...result, name: `${prefix}: ${result.name}` };
}

/** Truncated bytes, [B, h, w, 3]: a pixel may differ by one where float noise crosses a whole number. */
async function* bytes(
  file: TensorFile,
  name: string,
  out: Record<string, HostArray>,
): AsyncGenerator<CheckResult> {
  const expected = await file.readFloat32(name);
  const { data, shape } = out.pixels!;
  const [B, C, h, w] = shape as [number, number, number, number];
  const actual = new Float32Array(expected.length);
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let i = 0; i < h * w; i++)
        actual[(b * h * w + i) * C + c] = Math.trunc(data[(b * C + c) * h * w + i]! * 255);
    }
  }
  yield equal(`bytes: ${name}`, expected, actual, (i) => Math.abs(expected[i]! - actual[i]!) === 1);
}

/** `conv_same.*`: padding of single convolutions with other kernels, strides and dilations. */
export async function* checkConvolutions(subject: TokenizerSubject): AsyncGenerator<CheckResult> {
  await using recorded = await openTensorFile(join(subject.folder, "conv_same.safetensors"));
  const cases = JSON.parse(await readFile(join(subject.folder, "conv_same.json"), "utf8")) as {
    case: number;
    kernel: number;
    stride: number;
    dilation: number;
    input: [number, number];
  }[];
  for (const { case: n, kernel, stride, dilation, input: size } of cases) {
    const padding = samePadding([kernel, kernel], size, stride, dilation);
    const out = await subject.engine.evaluate(
      <T>(ops: Ops<T>, get: Parameters<T>, inputs: Readonly<Record<string, T>>) => ({
        y: ops.conv2d(inputs.x as T, get(`${n}.weight`), get(`${n}.bias`), { padding, stride, dilation }),
      }),
      recorded,
      { x: await input(recorded, `${n}.input`) },
    );
    yield close(
      `convolution ${kernel}x${kernel} stride ${stride} dilation ${dilation}`,
      await recorded.readFloat32(`${n}.output`),
      out.y!.data,
      tensorTolerance(subject.engine),
    );
  }
}

/** `sample.safetensors` of a generator's folder: its ids through this tokenizer, to pixels and bytes. */
export async function* checkSamplePixels(subject: TokenizerSubject): AsyncGenerator<CheckResult> {
  await using recorded = await openTensorFile(join(subject.folder, "sample.safetensors"));
  for (const n of [0, 1]) {
    const codes = await input(recorded, `${n}.ids`);
    const side = Math.sqrt(codes.shape[1]!);
    const out = await runDecoder(subject, ids(codes, [codes.shape[0]!, side, side]));
    yield close(
      `sample ${n}: pixels_raw`,
      await recorded.readFloat32(`${n}.pixels_raw`),
      out.pixels_raw!.data,
      tensorTolerance(subject.engine),
    );
    yield* bytes(recorded, `${n}.uint8`, out);
  }
}

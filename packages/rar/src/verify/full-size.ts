/** Checks of full-size networks whose weights have a closed form (REFERENCE 11.1). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { conditionId, type GeneratorConfig, publishedTokenizer } from "../config/architecture.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import type { Engine } from "../engines/engine.js";
import { closedForm } from "../weights/closed-form.js";
import { openTensorFile } from "../weights/open.js";
import { type CheckResult, close, equal, rootMeanSquare, tensorTolerance } from "./check.js";
import { runForward } from "./run-network.js";
import { runDecoder, runEncoder } from "./tokenizer.js";

/** `rar_b` and so on of `rar_full`: logits rows and the hidden states' magnitudes, two orders. */
export async function* checkFullGenerator(
  folder: string,
  preset: string,
  engine: Engine,
): AsyncGenerator<CheckResult> {
  const recorded = JSON.parse(await readFile(join(folder, `${preset}.json`), "utf8")) as {
    hidden_size: number;
    num_hidden_layers: number;
    intermediate_size: number;
    class: number;
    positions: number[];
    "raster.rms": number[];
    "permuted.rms": number[];
  };
  await using logits = await openTensorFile(join(folder, `${preset}.safetensors`));
  const config: GeneratorConfig = {
    width: recorded.hidden_size,
    depth: recorded.num_hidden_layers,
    heads: 16,
    mlpWidth: recorded.intermediate_size,
    codebookSize: 1024,
    tokens: 256,
    classes: 1000,
  };
  const weights = closedForm(generatorShapes(config));
  const places = Array.from({ length: 256 }, (_, i) => i);
  const tokens = [places.map((i) => (37 * i + 11) % 1024)];
  const orders = { raster: places, permuted: places.map((i) => (101 * i + 7) % 256) };
  for (const kind of ["raster", "permuted"] as const) {
    const inputs = { tokens, conditions: [conditionId(config, recorded.class)], orders: [orders[kind]] };
    const out = await runForward(engine, config, weights, inputs, true);
    const K = config.codebookSize;
    const rows = recorded.positions.flatMap((row) => [...out.logits!.data.subarray(row * K, (row + 1) * K)]);
    yield close(
      `${preset} ${kind} logits`,
      await logits.readFloat32(`${kind}.logits`),
      rows,
      tensorTolerance(engine, true),
    );
    const states = ["embed", ...Array.from({ length: config.depth }, (_, i) => `block${i}`)];
    const rms = states.map((name) => rootMeanSquare(out[name]!.data));
    yield close(
      `${preset} ${kind} hidden states (rms)`,
      recorded[`${kind}.rms`],
      rms,
      tensorTolerance(engine, true),
    );
  }
}

/** `vq_full`: the published tokenizer's architecture, encoder and decoder. */
export async function* checkFullTokenizer(folder: string, engine: Engine): AsyncGenerator<CheckResult> {
  const recorded = JSON.parse(await readFile(join(folder, "closed_form.json"), "utf8")) as {
    encoder_stage_rms: Record<string, number>;
    decoder_stage_rms: Record<string, number>;
  };
  await using tensors = await openTensorFile(join(folder, "closed_form.safetensors"));
  const subject = {
    engine,
    config: publishedTokenizer,
    weights: closedForm(tokenizerShapes(publishedTokenizer)),
  };

  const image = new Float32Array(3 * 256 * 256);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < 256; y++) {
      for (let x = 0; x < 256; x++) {
        const value = (x * (c + 2) + y * (5 - c) + 40 * c) % 256;
        image[(c * 256 + y) * 256 + x] = Math.fround(((value + 256) % 256) / 255);
      }
    }
  }
  const encoded = await runEncoder(subject, { data: image, shape: [1, 3, 256, 256] });
  yield* stages(engine, "encoder", recorded.encoder_stage_rms, encoded);
  const z = every(encoded["stage.conv_out"]!.data, 256, 16, 5, 0);
  yield close("vq_full z", await tensors.readFloat32("z"), z, tensorTolerance(engine, true));
  const gap = await tensors.readFloat32("gap");
  const near = (i: number): boolean => gap[i]! < 1e-3;
  yield equal("vq_full indices", await tensors.readFloat32("indices"), encoded.indices!.data, near);

  const codes = Int32Array.from({ length: 256 }, (_, i) => (37 * i + 11) % 1024);
  const decoded = await runDecoder(subject, { data: codes, shape: [1, 16, 16] });
  yield* stages(engine, "decoder", recorded.decoder_stage_rms, decoded);
  for (const name of ["pixels_raw", "pixels"]) {
    const some = every(decoded[name]!.data, 3, 256, 15, 0);
    yield close(`vq_full ${name}`, await tensors.readFloat32(name), some, tensorTolerance(engine, true));
  }
}

function* stages(
  engine: Engine,
  part: string,
  rms: Record<string, number>,
  out: Readonly<Record<string, { data: ArrayLike<number> }>>,
): Generator<CheckResult> {
  const names = Object.keys(rms);
  const actual = names.map((name) => rootMeanSquare(out[`stage.${name}`]!.data));
  yield close(`vq_full ${part} stages (rms)`, Object.values(rms), actual, tensorTolerance(engine, true));
}

/** Every n-th row and column of [channels, side, side]. */
function every(
  values: ArrayLike<number>,
  channels: number,
  side: number,
  n: number,
  first: number,
): number[] {
  const out: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let y = first; y < side; y += n)
      for (let x = first; x < side; x += n) out.push(values[(c * side + y) * side + x]!);
  }
  return out;
}

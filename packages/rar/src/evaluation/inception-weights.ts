/** The published weights of Inception: where they come from, and how they become the network's parameters. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { RarityError } from "../config/errors.js";
import { BATCH_NORM_EPSILON } from "../networks/inception.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { inceptionShapes, inceptionUnits } from "./inception-shapes.js";

/** The conversion of TensorFlow's 2015-12-05 graph that the field's PyTorch evaluators share. */
export const publishedInception = {
  file: "pt_inception-2015-12-05-6726825d.pth",
  url: "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
  /** First digits of its SHA-256, which its name ends with. */
  sha256: "6726825d",
} as const;

/**
 * Folds each batch norm into its convolution: `NAME.weight`, `NAME.bias` for every unit, and `fc.weight`, `fc.bias`.
 *
 * @param source - tensors named as in the published file; `num_batches_tracked` is ignored
 * @throws {RarityError} "bad-file" when tensors are missing or have another shape
 */
export function foldedInception(source: TensorSource): TensorSource {
  const wrong = [...inceptionShapes].filter(
    ([name, shape]) => String(source.tensors.get(name)?.shape) !== String(shape),
  );
  if (wrong.length > 0)
    throw new RarityError(
      "bad-file",
      `These are not the weights of the metrics' Inception: ${wrong.length} of its ${inceptionShapes.size} tensors are missing or of another ` +
        `shape, such as "${wrong[0]![0]}". Take ${publishedInception.file} from ${publishedInception.url} .`,
    );
  const tensors = new Map<string, { name: string; dtype: "F32"; shape: readonly number[] }>();
  const add = (name: string, shape: readonly number[]): void =>
    void tensors.set(name, { name, dtype: "F32", shape });
  for (const unit of inceptionUnits) {
    const { shape } = source.tensors.get(`${unit}.conv.weight`)!;
    add(`${unit}.weight`, shape);
    add(`${unit}.bias`, [shape[0]!]);
  }
  add("fc.weight", source.tensors.get("fc.weight")!.shape);

  return {
    tensors,
    async readFloat32(name) {
      if (name === "fc.weight") return source.readFloat32(name);
      const [unit, part] = [name.slice(0, name.lastIndexOf(".")), name.slice(name.lastIndexOf(".") + 1)];
      const [gain, shift, mean, variance] = await Promise.all(
        ["weight", "bias", "running_mean", "running_var"].map((x) => source.readFloat32(`${unit}.bn.${x}`)),
      );
      const factor = Float64Array.from(gain!, (g, i) => g / Math.sqrt(variance![i]! + BATCH_NORM_EPSILON));
      if (part === "bias") return Float32Array.from(shift!, (b, i) => b - mean![i]! * factor[i]!);
      const weight = await source.readFloat32(`${unit}.conv.weight`);
      const each = weight.length / factor.length;
      return weight.map((w, i) => w * factor[Math.floor(i / each)]!);
    },
  };
}

/**
 * Whether a file is the published one.
 * @throws {RarityError} "bad-file" where its SHA-256 is another
 */
export async function checkInceptionFile(path: string): Promise<void> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  const digest = hash.digest("hex");
  if (!digest.startsWith(publishedInception.sha256))
    throw new RarityError(
      "bad-file",
      `${path} is not ${publishedInception.file}: its SHA-256 starts with ${digest.slice(0, 8)}, not with ${publishedInception.sha256}, ` +
        `so no score would compare. Fetch it again: curl -L -o ${publishedInception.file} ${publishedInception.url}`,
    );
}

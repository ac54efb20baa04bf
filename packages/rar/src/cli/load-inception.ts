/** Brings the metrics' Inception for the verbs that score: a file at hand, the published one, or weights by formula. */
import type { Inception } from "../evaluation/inception-features.js";

export interface InceptionFlags {
  /** A file, or "formula". Default: the published weights, fetched once. */
  readonly inception?: string | undefined;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
}

export const inceptionHelp =
  'the published weights (default: fetched once); "formula" for weights by formula, whose scores mean nothing';

/** @throws {RarityError} "bad-file", "not-found", "hub" with the command that brings the weights; what libtorch throws where it is not set up */
export async function loadInception(
  { inception, device, threads }: InceptionFlags,
  signal: AbortSignal,
  onFetch: (done: number, total: number) => void,
): Promise<{ readonly network: Inception; readonly weightsId: string }> {
  const { Inception } = await import("../evaluation/inception-features.js");
  if (inception === "formula") {
    const { inceptionByFormula } = await import("../evaluation/inception-formula.js");
    return {
      network: await Inception.load(inceptionByFormula(), { device, threads }),
      weightsId: "formula",
    };
  }
  const { findInception } = await import("../evaluation/find-inception.js");
  const { publishedInception } = await import("../evaluation/inception-weights.js");
  const { openTensorFile } = await import("../weights/open.js");
  const path = await findInception(inception, { signal, onProgress: onFetch });
  await using file = await openTensorFile(path);
  return { network: await Inception.load(file, { device, threads }), weightsId: publishedInception.sha256 };
}

/** Finds weights that are NaN or infinite, by tensor. */
import type { TensorSource } from "./tensor-file.js";

export interface NonFinite {
  readonly name: string;
  /** How many elements, and of which kinds. */
  readonly nans: number;
  readonly infinities: number;
}

/** Reads every tensor once, one at a time: seconds a gigabyte. */
export async function findNonFinite(
  source: TensorSource,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<NonFinite[]> {
  const found: NonFinite[] = [];
  for (const name of source.tensors.keys()) {
    signal?.throwIfAborted();
    const values = await source.readFloat32(name);
    let nans = 0;
    let infinities = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value === 0) continue; // finite: NaN and infinity give NaN here
      if (Number.isNaN(value)) nans++;
      else infinities++;
    }
    if (nans + infinities > 0) found.push({ name, nans, infinities });
  }
  return found;
}

/** `"x.bin": weights that are no numbers in "a" (3 NaN), "b" (1 infinite).`, or undefined where all are finite. */
export function nonFiniteWarning(file: string, found: readonly NonFinite[]): string | undefined {
  if (found.length === 0) return undefined;
  const parts = found.slice(0, 10).map(({ name, nans, infinities }) => {
    const kinds = [nans > 0 ? `${nans} NaN` : "", infinities > 0 ? `${infinities} infinite` : ""];
    return `${JSON.stringify(name)} (${kinds.filter(Boolean).join(", ")})`;
  });
  const more = found.length > parts.length ? ` and ${found.length - parts.length} more tensors` : "";
  return `"${file}" has weights that are no numbers: ${parts.join(", ")}${more}. Its images will be noise.`;
}

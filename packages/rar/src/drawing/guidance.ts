/** Classifier-free guidance: how strong it is at each step, and how the two halves of the logits are combined. */

export interface Guidance {
  /** g, the strength towards which guidance grows (`guidance_scale`); 0 and 1 mean none. */
  readonly scale: number;
  /** Larger values keep guidance low for longer (`guidance_scale_pow`); 0 holds it at `scale` from the start. */
  readonly pow: number;
}

/**
 * Whether a step needs the unconditional rows too. With scale 0 the reference runs without them; with 1 the
 * combined logits equal the conditional ones up to rounding, so half the work is saved.
 */
export const needsUnconditional = (scale: number): boolean => scale !== 0 && scale !== 1;

/**
 * Factor on (conditional - unconditional) logits for one step: a power-cosine ramp from 1 towards `scale`,
 * which the last step does not quite reach. Rounded to float32 after each operation, as the reference computes it.
 *
 * @param step - index of the token being drawn, 0 ≤ step < length
 * @param length - tokens of an image
 * @returns 1 where the scale is 0: no guidance means conditional logits, not unconditional ones
 * @throws {RangeError} when `step` is outside the image
 * @see Yu et al. 2024, Randomized Autoregressive Visual Generation
 */
export function guidanceAt({ scale, pow }: Guidance, step: number, length: number): number {
  if (!(Number.isInteger(step) && step >= 0 && step < length))
    throw new RangeError(`Cannot take the guidance of step ${step}: an image has steps 0 to ${length - 1}.`);
  if (scale === 0) return 1;
  const f32 = Math.fround;
  const progress = f32(f32(step / length) ** f32(pow)); // 0 ** 0 is 1
  const ramp = f32(f32(1 - f32(Math.cos(f32(progress * f32(Math.PI))))) / 2);
  return f32(f32(f32(scale - 1) * ramp) + 1);
}

/**
 * Logits from which tokens are drawn: unconditional + (conditional - unconditional) * cfg, in float32.
 *
 * @param logits - [2B, K], the B conditional rows first, or [B, K] of a run without the unconditional half,
 *   which is taken as it is
 * @param images - B
 * @param codes - K
 * @param cfg - the factor of {@link guidanceAt}
 * @param out - [B, K], where the result is written
 * @returns `out`
 * @throws {RangeError} when a length does not fit
 */
export function combine(
  logits: Float32Array,
  images: number,
  codes: number,
  cfg: number,
  out: Float32Array = new Float32Array(images * codes),
): Float32Array {
  const size = images * codes;
  if (out.length !== size || (logits.length !== size && logits.length !== 2 * size))
    throw new RangeError(
      `Cannot combine ${logits.length} logits into ${out.length}: ${images} images of ${codes} codes need ` +
        `${size} or ${2 * size} logits, and room for ${size}.`,
    );
  if (logits.length === size) {
    out.set(logits);
    return out;
  }
  const factor = Math.fround(cfg);
  for (let i = 0; i < size; i++) {
    const conditional = logits[i]!;
    const unconditional = logits[size + i]!;
    out[i] = unconditional + Math.fround(Math.fround(conditional - unconditional) * factor);
  }
  return out;
}

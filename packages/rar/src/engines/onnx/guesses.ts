/**
 * Several places of one image from one step (coupled Jacobi decoding, arXiv 2510.24211). All positions but the step's first stand on
 * guesses of the tokens before them. What is drawn holds as far as the guesses were what is drawn in their places; what is
 * drawn after that is the next step's guess. Noise belongs to a place, so each guess is drawn with the noise that will decide,
 * and the tokens are those of one step after the other.
 */

/** Draws a place from logits [rows, K]: [images], of which there is one. */
export type Draw = (place: number, logits: Float32Array) => Int32Array;

export class Guesses {
  readonly #window: number;
  readonly #places: number;
  /** Of the places that come next, as many as a step may stand on, or fewer. */
  #guesses: Int32Array[] = [];

  /** `window`: positions of a step at most; `places`: of an image. */
  constructor(window: number, places: number) {
    this.#window = window;
    this.#places = places;
  }

  /** What a step of at most so many positions stands on, after the token drawn last. */
  next(positions: number): readonly Int32Array[] {
    return this.#guesses.slice(0, positions - 1);
  }

  /**
   * What a step draws: the tokens that hold, of `place` and those after it.
   *
   * @param logits - of `place`, and of the place after each of the first guesses that the step stood on
   */
  settle(place: number, logits: readonly Float32Array[], draw: Draw): Int32Array[] {
    const drawn = logits.map((row, i) => draw(place + i, row));
    let count = 1;
    while (count < drawn.length && drawn[count - 1]![0] === this.#guesses[count - 1]![0]) count++;
    const rest = drawn.slice(count);
    const guesses = [...rest, ...this.#guesses.slice(drawn.length)];
    const end = Math.min(place + count + this.#window, this.#places) - 1;
    // The last logits are not of these places, but their noise is.
    for (let at = place + count + guesses.length; at < end; at++) guesses.push(draw(at, logits.at(-1)!));
    this.#guesses = guesses;
    return drawn.slice(0, count);
  }

  /** The last token was not drawn here. */
  clear(): void {
    this.#guesses = [];
  }
}

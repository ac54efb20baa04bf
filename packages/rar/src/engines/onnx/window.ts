/**
 * How many positions of a lone image a step should take. That depends on the machine (how much longer a step of several takes) and
 * on the model (how often guesses hold), so it is what promises most tokens a second by the steps so far. It changes no token.
 */

/** Positions a step graph is asked for at most: for 16 rows a step of RAR-B takes half as long again as for 2, for 24 twice as long (docs/log.md). */
export const MOST = 12;

/** Steps that try the least and the most in turn, before anything is known. */
const TRIALS = 8;
/** Steps until one of the two is tried again. */
const AGAIN = 40;
/** How much of what was known stays with each step. */
const KEEP = 0.97;
/** As many guesses seen say as much as what is supposed of them. */
const PRIOR = 3;

export class WindowChoice {
  /** Positions of a step at most. */
  readonly most: number;
  readonly #least: number;
  /** Of the j-th guess: how often all before it held, and how often it did too, the last times most. */
  readonly #stood: number[];
  readonly #held: number[];
  /** Sums over steps, the last ones most: 1, positions, positions squared, milliseconds, positions times milliseconds. */
  #sums = { one: 0, x: 0, xx: 0, y: 0, xy: 0 };
  #steps = 0;

  /** `least`: positions of a step at least, where there are so many left. */
  constructor(most: number, least = 1) {
    this.most = most;
    this.#least = least;
    this.#stood = new Array<number>(most).fill(0);
    this.#held = new Array<number>(most).fill(0);
  }

  /** Positions the next step should take. */
  next(): number {
    if (this.#steps < TRIALS) return this.#steps % 2 === 0 ? this.most : this.#least;
    if (this.#steps % AGAIN === 0) return this.#steps % (2 * AGAIN) === 0 ? this.most : this.#least;
    const milliseconds = this.#line();
    let best = { size: this.#least, speed: 0 };
    let [tokens, chance, share] = [0, 1, 0.5];
    for (let size = 1; size <= this.most; size++) {
      tokens += chance;
      share = (this.#held[size - 1]! + PRIOR * share) / (this.#stood[size - 1]! + PRIOR); // at first as for the guess before
      chance *= share;
      const speed = tokens / milliseconds(size);
      if (size >= this.#least && speed > best.speed) best = { size, speed };
    }
    return best.size;
  }

  /** What a step came to: its positions, of which so many held, and how long it took. */
  took(positions: number, count: number, milliseconds: number): void {
    this.#steps++;
    for (let j = 0; j < Math.min(count, positions - 1); j++) {
      this.#stood[j] = KEEP * this.#stood[j]! + 1;
      this.#held[j] = KEEP * this.#held[j]! + (j < count - 1 ? 1 : 0);
    }
    const expected = this.#line()(positions);
    // A busy moment of the machine says nothing of the size.
    const y = this.#steps > TRIALS ? Math.min(milliseconds, 2 * expected) : milliseconds;
    const sums = this.#sums;
    this.#sums = {
      one: KEEP * sums.one + 1,
      x: KEEP * sums.x + positions,
      xx: KEEP * sums.xx + positions * positions,
      y: KEEP * sums.y + y,
      xy: KEEP * sums.xy + positions * y,
    };
  }

  /** Milliseconds of a step by its positions: a straight line through the steps so far, never falling. */
  #line(): (positions: number) => number {
    const { one, x, xx, y, xy } = this.#sums;
    if (one === 0) return () => 1;
    const [meanX, meanY] = [x / one, y / one];
    const spread = xx / one - meanX * meanX;
    const slope = spread > 1e-9 ? Math.max(0, (xy / one - meanX * meanY) / spread) : 0;
    return (positions) => Math.max(meanY + slope * (positions - meanX), 0.05 * meanY);
  }
}

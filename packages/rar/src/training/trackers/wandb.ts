/** The tracker for wandb: every run is kept in a folder that `wandb sync` sends, and sent at once where that is possible. */
import { readFile } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import type { LoggedStep } from "./json-lines.js";
import { picturePng } from "./picture-files.js";
import type { Tracker } from "./tracker.js";
import { WandbFile, wandbFolder } from "./wandb-file.js";
import { WandbSender } from "./wandb-sender.js";

/** How long nothing is said of a server that does not answer. */
const patience = 15_000; // ms

export interface WandbOptions {
  readonly project: string;
  /** The run's configuration, shown beside its curves. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly step: number;
  /** What was logged up to `step`. */
  readonly earlier: readonly LoggedStep[];
  readonly say: (line: string) => void;
  readonly failed: (error: unknown) => void;
  readonly now: () => number;
  readonly env: NodeJS.ProcessEnv;
  /** In place of @wandb/sdk. */
  readonly module?: string | undefined;
}

/**
 * Modes are those of WANDB_MODE: online where it is not set, offline, disabled. On resume the folder and, online, a new
 * run are filled with what was logged up to the step, so that later steps of the interrupted process are not in them.
 *
 * @returns undefined where WANDB_MODE says so
 */
export async function wandb(outputDir: string, options: WandbOptions): Promise<Tracker | undefined> {
  const { say, env, step, earlier, now, failed, config } = options;
  const mode = env.WANDB_MODE || "online";
  if (mode === "disabled") {
    say("wandb: WANDB_MODE is disabled, nothing is kept for it.");
    return undefined;
  }
  const online = mode === "online";
  const kind = online ? "run" : "offline-run";
  const parent = join(outputDir, "logs/wandb");
  const { folder, id } = await wandbFolder(parent, kind, step > 0, now());
  const sync = `wandb sync ${relative(process.cwd(), folder) || "."}`;
  const title = basename(resolve(outputDir));
  const run = { project: options.project, entity: env.WANDB_ENTITY, config };
  const file = new WandbFile({ ...run, id, folder, title }, earlier[0]?.time ?? now(), failed);
  const order = {
    ...run,
    module: options.module ?? "@wandb/sdk",
    title: step > 0 ? `${title} (from step ${step})` : title,
  };
  const unsent = (why: string): string =>
    `wandb: ${why} The run is kept for ${sync}, which comes with pip install wandb.`;
  let sender: WandbSender | undefined;
  if (online) {
    const late = setTimeout(() => say(unsent("No answer from the server yet.")), patience).unref();
    sender = new WandbSender(
      order,
      env,
      (url) => {
        clearTimeout(late);
        say(
          `wandb: numbers are sent to ${url ?? "the server"}. A run with the pictures too is kept for ${sync}.`,
        );
      },
      (why) => {
        clearTimeout(late);
        say(unsent(inWords(why)));
      },
    );
  } else say(unsent(`WANDB_MODE is ${mode}.`));

  let pictures: Promise<void> = Promise.resolve();
  for (const line of earlier) {
    if (Object.keys(line.values).length > 0) {
      file.log(line.step, line.time, line.values);
      sender?.log(line.step, line.values);
    }
    for (const [name, path] of Object.entries(line.pictures)) {
      const png = await readFile(join(outputDir, path)).catch(() => undefined);
      if (png === undefined || png.length < 24) continue; // taken away since
      const size = { width: png.readUInt32BE(16), height: png.readUInt32BE(20) }; // as this program wrote it
      await file.picture(line.step, line.time, name, { png, ...size });
    }
  }
  return {
    scalars(at, values) {
      file.log(at, now(), values);
      sender?.log(at, values);
    },
    image(at, name, image) {
      const time = now();
      pictures = pictures
        .then(async () => file.picture(at, time, name, { ...image, png: await picturePng(at, name, image) }))
        .catch(failed);
    },
    async close() {
      await pictures;
      await file.close();
      await sender?.close();
    },
  };
}

/** What the SDK says where it cannot send, with what to do. */
function inWords(why: string): string {
  if (/Cannot find (?:package|module)/.test(why))
    return "@wandb/sdk is not installed: npm install @wandb/sdk sends runs while they train.";
  if (/API key/.test(why)) return "There is no key: set WANDB_API_KEY to send runs while they train.";
  return `Not sent while training: ${why.replace(/\.?$/, ".")}`;
}

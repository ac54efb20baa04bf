/** Loads a model and shows how far that is: downloads and preparation take time, but only once. */
import type { LoadOptions, LoadProgress, PipelineApi } from "../pipeline.js";
import { type Progress, startProgress } from "./progress.js";
import { say } from "./streams.js";
import { bytes } from "./words.js";

export type Load = (model?: string, options?: LoadOptions) => Promise<PipelineApi>;

const labels: Readonly<Record<LoadProgress["stage"], string>> = {
  download: "downloading",
  prepare: "preparing",
  load: "loading",
};

export async function loadModel(
  load: Load,
  model: string | undefined,
  options: LoadOptions,
): Promise<PipelineApi> {
  let current: { readonly key: string; readonly progress: Progress } | undefined;
  try {
    const pipeline = await load(model, {
      ...options,
      onProgress({ stage, what, done, total }) {
        const key = `${stage} ${what} ${total}`;
        if (current?.key !== key) {
          current?.progress.finish();
          current = {
            key,
            progress: startProgress({
              label: `${labels[stage]} ${what}`,
              total,
              amount: (part, all) => `${bytes(part)} of ${bytes(all)}`,
              rate: (perSecond) => `${bytes(perSecond)}/s`,
              quietFor: 0.5,
            }),
          };
        }
        current.progress.update(done);
      },
    });
    for (const warning of pipeline.warnings) say(`Warning: ${warning}`);
    return pipeline;
  } finally {
    current?.progress.finish();
  }
}

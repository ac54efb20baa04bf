/** A model's files from the Hub: a preset's published ones, or a whole model folder. */
import { RarityError } from "../config/errors.js";
import type { PublishedFile } from "../config/presets.js";
import { fetchFromHub } from "./hub.js";
import type { LocateOptions } from "./model-folder-location.js";

/** Brings one file, and says where it came from. */
export async function fetchModelFile(
  { repository, file, revision }: PublishedFile & { readonly revision?: string | undefined },
  { signal, onProgress, offline, env = process.env }: LocateOptions,
): Promise<{ readonly path: string; readonly origin: string }> {
  const path = await fetchFromHub(
    { repository, file, revision },
    {
      signal,
      onProgress: onProgress && ((done, total) => onProgress(file, done, total)),
      env: offline ? { ...env, HF_HUB_OFFLINE: "1" } : env,
    },
  );
  return { path, origin: `Hub ${repository}: ${file}` };
}

/** What a model folder on the Hub holds of the files a model folder may have. */
export interface HubFolder {
  readonly config?: string | undefined;
  readonly classes?: string | undefined;
  readonly generator?: { readonly path: string; readonly origin: string } | undefined;
  readonly tokenizer?: { readonly path: string; readonly origin: string } | undefined;
}

/**
 * @param repository - `owner/name`, or `owner/name@revision`
 * @throws {RarityError} "not-found" where the repository has none of the files asked for
 */
export async function fetchHubFolder(address: string, options: LocateOptions): Promise<HubFolder> {
  const [repository = "", revision] = address.split("@");
  let absent: RarityError | undefined;
  const optional = async (...files: string[]) => {
    for (const file of files) {
      try {
        return await fetchModelFile({ repository, file, revision }, options);
      } catch (error) {
        if (!(error instanceof RarityError && error.code === "not-found")) throw error;
        absent ??= error;
      }
    }
    return undefined;
  };
  const parts = options.parts ?? ["generator", "tokenizer"];
  const generator = parts.includes("generator")
    ? await optional("generator.safetensors", "generator.bin")
    : undefined;
  const tokenizer = parts.includes("tokenizer")
    ? await optional("tokenizer.safetensors", "tokenizer.bin")
    : undefined;
  if (generator === undefined && tokenizer === undefined && absent !== undefined)
    throw new RarityError(
      "not-found",
      `There is no model folder on the Hub at "${address}": it needs generator.safetensors or tokenizer.safetensors. ${absent.message}`,
      { cause: absent },
    );
  const config = await optional("config.yaml");
  const classes = await optional("classes.txt");
  return { config: config?.path, classes: classes?.path, generator, tokenizer };
}

/** What is known about a model before its weights are opened. */
import type { GeneratorConfig, SamplingConfig, TokenizerConfig } from "../config/architecture.js";
import type { ClassNames } from "../config/class-names.js";
import type { RarConfig } from "../config/load.js";
import type { OrderKind } from "../config/orders.js";
import type { PlainMap } from "../config/plain.js";
import type { PresetName } from "../config/presets.js";

export interface ModelLocation {
  /** What to call the model: preset, folder, file or Hub name. */
  readonly name: string;
  readonly kind: "embedded" | "preset" | "folder" | "file" | "hub";
  /** The preset named, or the one whose sizes the weights have. */
  readonly preset?: PresetName | undefined;
  /** The model folder, where it is one. */
  readonly folder?: string | undefined;
  readonly config?: RarConfig | undefined;
  /** The configuration as written, to be saved beside copies of the weights. */
  readonly raw?: PlainMap | undefined;
  /** What a user should see about the configuration. */
  readonly notes: readonly string[];
  readonly generatorFile?: string | undefined;
  readonly tokenizerFile?: string | undefined;
  /** Where each file came from, in words: its path, or `Hub yucornetto/RAR: rar_b.bin`. */
  readonly origins: { readonly generator?: string | undefined; readonly tokenizer?: string | undefined };
  readonly generator?: GeneratorConfig | undefined;
  readonly tokenizer?: TokenizerConfig | undefined;
  readonly sampling: SamplingConfig;
  /** The order in which it was trained last, and is sampled. */
  readonly order: OrderKind;
  readonly classNames: ClassNames;
}

export interface LocateOptions {
  readonly signal?: AbortSignal | undefined;
  /** A download: what, bytes so far, bytes in all. */
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
  /** Use nothing but what is on this machine. */
  readonly offline?: boolean | undefined;
  /** Overrides `key.path=value` laid over the model's configuration. */
  readonly overrides?: readonly string[] | undefined;
  /** Which weights are wanted, so that others are not downloaded. Default: both. */
  readonly parts?: readonly ("generator" | "tokenizer")[] | undefined;
  /** A tokenizer's weights in place of the model's own. */
  readonly tokenizerFile?: string | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** From files and command-line words to a checked configuration. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { crossChecks } from "./checks.js";
import { RarityError } from "./errors.js";
import { interpolate } from "./interpolate.js";
import { overridesOf } from "./keys.js";
import { rememberOrigin } from "./need.js";
import { applyOverrides, type Override, parseOverride } from "./overrides.js";
import { isMap, type Plain, type PlainMap, quote, valueAt } from "./plain.js";
import { type Preset, type PresetName, presets } from "./presets.js";
import { knownPaths, type RarConfig, rarSchema } from "./schema.js";
import { mlpWidth } from "./sizes.js";
import { nearest } from "./suggest.js";
import { parseYaml } from "./yaml.js";

export { type ConfigPath, need } from "./need.js";
export type { RarConfig } from "./schema.js";
export { generatorConfig, namesTokenizer, plainSampling, samplingConfig, tokenizerConfig } from "./sizes.js";
export { writeConfig } from "./write.js";

export interface ConfigSource {
  /** A YAML file. `config=FILE` among the overrides does the same. */
  readonly file?: string | undefined;
  /** YAML text in place of a file. */
  readonly text?: string | undefined;
  /** What errors call `text`. Default "configuration". */
  readonly name?: string | undefined;
  /** Words such as `model.generator.hidden_size=768`, later over earlier. */
  readonly overrides?: readonly string[] | undefined;
}

export interface LoadedConfig {
  readonly config: RarConfig;
  /** What a user should see: keys nobody reads, a size the reference rounds. */
  readonly notes: readonly string[];
  /** The merged configuration as written, `${}` and unknown keys included: what is saved beside weights. */
  readonly raw: PlainMap;
  /** The file read, if any. */
  readonly file: string | undefined;
}

/**
 * Reads a configuration and lays overrides over it. Unknown keys are kept, and noted with the nearest known one.
 *
 * @throws {RarityError} "bad-config" naming file, line and key: syntax, `${}` to nothing or in a circle, a value of
 *   the wrong type or range, keys that contradict each other; "not-found" or "io" for the file
 */
export async function loadConfig(source: ConfigSource): Promise<LoadedConfig> {
  const overrides = (source.overrides ?? []).map(parseOverride);
  const asked = fileOf(source, overrides);
  const file = asked === undefined ? undefined : orPackaged(asked);
  const text = file === undefined ? (source.text ?? "") : await readText(file);
  const unnamed = source.text === undefined ? undefined : "configuration";
  const loaded = readConfig(text, overrides, file, file ?? source.name ?? unnamed);
  if (file === asked) return loaded;
  const note = `There is no ${quote(asked)}: the packaged ${basename(file!)} is used.`;
  return { ...loaded, notes: [note, ...loaded.notes] };
}

/** The configuration of a preset: rar.yaml with the preset's sizes and settings, and overrides over that. */
export function presetConfig(name: PresetName, overrides: readonly string[] = []): Promise<LoadedConfig> {
  const preset: Preset = presets[name];
  const side = preset.tokenizer.resolution;
  return loadConfig({
    file: fileURLToPath(new URL("../../configs/rar.yaml", import.meta.url)),
    overrides: [
      `experiment.name=${name}`,
      ...overridesOf(preset),
      `dataset.preprocessing.resize_shorter_edge=${side}`,
      `dataset.preprocessing.crop_size=${side}`,
      ...overrides,
    ],
  });
}

/** The published command lines name `configs/training/generator/rar.yaml`: a packaged file stands in for an absent one. */
function orPackaged(file: string): string {
  const packaged = fileURLToPath(
    new URL(`../../configs/${encodeURIComponent(basename(file))}`, import.meta.url),
  );
  return !existsSync(file) && /\.ya?ml$/.test(file) && existsSync(packaged) ? packaged : file;
}

function readConfig(
  text: string,
  overrides: readonly Override[],
  file: string | undefined,
  name: string | undefined,
): LoadedConfig {
  const yaml = parseYaml(text, name ?? "configuration");
  const root = yaml.value ?? {};
  if (!isMap(root))
    throw new RarityError(
      "bad-config",
      `${name} holds ${quote(root)}, not keys. Pass a file such as rar.yaml.`,
    );
  const raw = applyOverrides(root, overrides);

  /** `file:line: ` of a key; the override where that set it; the nearest group's line where the key is not written. */
  const where = (path: string): string => {
    const set = overrides.findLast(
      (o) => path === o.path || path.startsWith(`${o.path}.`) || o.path.startsWith(`${path}.`),
    );
    if (set) return `override ${quote(set.text)}: `;
    for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
      const line = yaml.lines.get(at);
      if (line !== undefined) return `${name}:${line}: `;
    }
    return name === undefined ? "" : `${name}: `;
  };

  const { values, missing } = interpolate(raw, where);
  const nulls = new Set<string>();
  const set = withoutNulls(values, "", nulls);
  const parsed = rarSchema.safeParse(set);
  if (!parsed.success)
    throw problemsError(
      parsed.error.issues.map((issue) => {
        const path = issue.path.map(String).join(".");
        const value = valueAt(set, path);
        return `${where(path)}${path} is ${quote(value)}, ${issue.message}`;
      }),
    );
  const problems = crossChecks(parsed.data);
  if (problems.length > 0) throw problemsError(problems.map((p) => `${where(p.path)}${p.path} ${p.text}`));

  const config = withUnknown(set, parsed.data as unknown as PlainMap) as unknown as RarConfig;
  rememberOrigin(config, { name, missing, nulls });
  const notes = unknownPaths(raw, "").map((path) => `${where(path)}${unknownNote(path)}`);
  const { hidden_size: width, intermediate_size: mlp } = config.model.generator;
  if (width !== undefined && mlp !== undefined && mlpWidth(width, mlp) !== mlp)
    notes.push(
      `model.generator.intermediate_size is ${mlp}; the reference's rounding makes that ${mlpWidth(width, mlp)}.`,
    );
  return { config, notes, raw, file };
}

const problemsError = (lines: readonly string[]): RarityError =>
  new RarityError("bad-config", lines.map((line) => `${line}.`).join("\n"));

function fileOf(source: ConfigSource, overrides: readonly Override[]): string | undefined {
  const named = overrides.findLast((o) => o.path === "config");
  if (named === undefined) return source.file;
  if (typeof named.value !== "string")
    throw new RarityError("bad-usage", `${quote(named.text)} names no file. Write config=configs/rar.yaml.`);
  if (source.file !== undefined && source.file !== named.value)
    throw new RarityError(
      "bad-usage",
      `Two configurations: ${quote(source.file)} and ${quote(named.text)}. Give one of them.`,
    );
  return named.value;
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new RarityError("not-found", `No configuration at ${quote(file)}. Check config=.`, {
        cause: error,
      });
    if (code === "EISDIR")
      throw new RarityError("bad-config", `${quote(file)} is a folder. Pass the YAML file in it.`, {
        cause: error,
      });
    throw new RarityError("io", `Cannot read ${quote(file)} (${code}). Check its permissions.`, {
      cause: error,
    });
  }
  if (bytes.includes(0))
    throw new RarityError("bad-config", `${quote(file)} is no text (it has zero bytes). Pass a YAML file.`);
  return bytes.toString("utf8").replace(/^\uFEFF/, "");
}

/** A key that is null counts as not set, as the reference treats an optional one. */
function withoutNulls(group: PlainMap, prefix: string, nulls: Set<string>): PlainMap {
  const entries: [string, Plain][] = [];
  for (const [key, value] of Object.entries(group)) {
    if (value === null) nulls.add(prefix + key);
    else entries.push([key, isMap(value) ? withoutNulls(value, `${prefix}${key}.`, nulls) : value]);
  }
  return Object.fromEntries(entries);
}

/** The checked values, and beside them the keys the schema does not know. */
function withUnknown(all: PlainMap, checked: PlainMap): PlainMap {
  const result: Record<string, Plain> = { ...all };
  for (const [key, value] of Object.entries(checked)) {
    const own = all[key];
    result[key] = isMap(value) && isMap(own) ? withUnknown(own, value) : value;
  }
  return result;
}

function unknownPaths(group: PlainMap, prefix: string): string[] {
  return Object.entries(group).flatMap(([key, value]) => {
    const path = prefix + key;
    if (!knownPaths.has(path)) return [path];
    return isMap(value) ? unknownPaths(value, `${path}.`) : [];
  });
}

function unknownNote(path: string): string {
  const bare = path.replace(/^-+/, "");
  if (bare !== path)
    return `"${path}" is not a known key and is not read. Write it without dashes, as in ${bare}.x=1.`;
  const parent = path.slice(0, path.lastIndexOf(".") + 1);
  const key = path.slice(parent.length);
  const siblings = [...knownPaths].filter(
    (p) => p.startsWith(parent) && !p.slice(parent.length).includes("."),
  );
  const elsewhere = [...knownPaths].filter((p) => p.endsWith(`.${key}`));
  const near =
    nearest(
      key,
      siblings.map((p) => p.slice(parent.length)),
    ) ?? elsewhere[0];
  return `${path} is not a known key and is not read.${near === undefined ? "" : ` Did you mean ${near}?`}`;
}

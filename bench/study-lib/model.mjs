/** Opens a model folder and the ONNX engine's checks for the studies; the fixtures are the default place. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { locateModel, openModel } from "../../packages/rar/dist/weights/model-folder.js";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Folder with the recorded numbers of the reference implementation. */
export function recordedFolder(name) {
  const folder = [
    join(root, "../shared/fixtures", name),
    join(root, "packages/rar/test/fixtures", name),
  ].find((path) => existsSync(join(path, "expected.json")));
  if (!folder) throw new Error(`The recorded numbers of "${name}" are not here: shared/fixtures/${name}.`);
  return folder;
}

/** Generator and tokenizer of a folder, opened. Close the result. */
export async function open(folder) {
  const path = resolve(folder);
  return openModel(await locateModel(path));
}

/** `--name value` of the command line. */
export function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return fallback;
  const value = process.argv[at + 1];
  if (value === undefined || value.startsWith("--")) throw new Error(`--${name} needs a value.`);
  return value;
}

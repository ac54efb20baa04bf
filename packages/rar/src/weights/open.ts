/** Opens a tensor file of any known format, told apart by content, never by the file's name. */
import { badFile } from "./bad-file.js";
import { type ByteSource, openFileSource } from "./byte-source.js";
import { openSafetensors } from "./safetensors.js";
import type { TensorFile } from "./tensor-file.js";

/**
 * Opens a tensor file. Names, types and shapes are read; elements when asked for.
 *
 * @throws RarityError "bad-file", "not-found" or "io", saying what the file is instead and what to do
 */
export async function openTensorFile(path: string): Promise<TensorFile> {
  const source = await openFileSource(path);
  try {
    return await openTensorSource(source);
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

/** The same for bytes from anywhere. The file owns `source`, unless opening fails. */
export async function openTensorSource(source: ByteSource): Promise<TensorFile> {
  if (source.size === 0) throw badFile(source.name, "it is empty (0 bytes). Download it again.");
  return openSafetensors(source);
}

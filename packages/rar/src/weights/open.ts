/** Opens a tensor file of any known format, told apart by content, never by the file's name. */
import { badFile } from "./bad-file.js";
import { type ByteSource, openFileSource } from "./byte-source.js";
import { openNpzArchive } from "./npz.js";
import { withQuantized } from "./quantized.js";
import { openSafetensors } from "./safetensors.js";
import type { TensorFile } from "./tensor-file.js";
import { openTorchLegacy } from "./torch-legacy.js";
import { openTorchZip, torchPickle } from "./torch-zip.js";
import { openZip } from "./zip.js";

/**
 * Opens a tensor file: safetensors, PyTorch (`.bin`, `.pth`, `.pt`, both formats) or npz. Names, types and shapes
 * are read; elements when asked for. Tensors stored as int8 blocks are widened by `readFloat32`.
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
  const { name: file, size } = source;
  if (size === 0) throw badFile(file, "it is empty (0 bytes). Download it again.");
  const head = await source.read(0, Math.min(size, 512));
  // First: the length it begins with may have the first bytes of any other format (640 is a pickle's).
  if (isSafetensors(head)) return withQuantized(await openSafetensors(source));
  if (begins(head, "PK\x03\x04") || begins(head, "PK\x05\x06")) {
    const zip = await openZip(source);
    if (torchPickle(zip) !== undefined) return openTorchZip(source, zip);
    const names = [...zip.members.keys()];
    if (names.some((name) => name.endsWith(".npy"))) return openNpzArchive(source, zip);
    throw badFile(
      file,
      "it is a zip archive with neither PyTorch's data.pkl nor numpy's .npy members. If it is an archive of files, unpack it.",
    );
  }
  if (head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5) return openTorchLegacy(source);
  const other = whatElse(head);
  if (other !== undefined) throw badFile(file, other);
  return withQuantized(await openSafetensors(source));
}

const again = "Download it again";

/** Beginnings of files that people have by mistake. */
const beginnings: readonly (readonly [string, string])[] = [
  [
    "version https://git-lfs",
    `it is a Git LFS pointer, not the file it stands for. Run "git lfs pull", or download the file itself.`,
  ],
  ["\x93NUMPY", "it is a single npy array, which has no names. Save it with numpy.savez."],
  ["\x1f\x8b", "it is compressed with gzip. Unpack it first (gzip -d)."],
  ["\x28\xb5\x2f\xfd", "it is compressed with zstd. Unpack it first (zstd -d)."],
  ["\xfd7zXZ", "it is compressed with xz. Unpack it first (xz -d)."],
  ["7z\xbc\xaf", "it is a 7-Zip archive. Unpack it first."],
  ["GGUF", "it is a GGUF file. Give the original safetensors or PyTorch file."],
  ["\x89HDF", "it is an HDF5 file. Give a safetensors or PyTorch file."],
  ["\x89PNG", "it is a PNG picture, not a tensor file."],
  ["\xff\xd8\xff", "it is a JPEG picture, not a tensor file."],
  ["%PDF", `it is a PDF document, not a tensor file. ${again}.`],
];

/** Says what a file is that is no tensor file, or undefined where it may be safetensors. */
function whatElse(head: Uint8Array): string | undefined {
  for (const [beginning, text] of beginnings) if (begins(head, beginning)) return text;
  if (isSafetensors(head)) return undefined;
  const text = Buffer.from(head).toString("latin1").trimStart();
  if (/^<(!doctype|html|head|body|\?xml|!--)/i.test(text))
    return "it is a web page, not the file: the link led to a page (a login, a licence, an error). Download the file itself.";
  if (/^[{[]/.test(text)) return `it is JSON text, perhaps a server's error message. ${again}.`;
  if (/ustar/.test(text)) return "it is a tar archive. Unpack it first.";
  if (/^[\s -~]*$/.test(text))
    return `it is text, not a tensor file: ${JSON.stringify(text.slice(0, 40))}. ${again}.`;
  if (head.length >= 8 && new DataView(head.buffer, head.byteOffset).getBigUint64(0, true) < 2n ** 40n)
    return undefined; // perhaps safetensors with a damaged header: its reader says more
  return `it is no known tensor file (safetensors, PyTorch, npz). ${again}.`;
}

/** Eight bytes of length, then a JSON object. */
function isSafetensors(head: Uint8Array): boolean {
  return head.length > 8 && head[8] === 0x7b && head[6] === 0 && head[7] === 0;
}

function begins(head: Uint8Array, beginning: string): boolean {
  return head.length >= beginning.length && [...beginning].every((c, i) => head[i] === c.charCodeAt(0));
}

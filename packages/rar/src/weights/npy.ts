/** Single npy arrays: read and written. Objects are refused, never unpickled. */
import { writeAtomically } from "./atomic-file.js";
import { badFile } from "./bad-file.js";
import { type ByteSource, type Bytes, openFileSource } from "./byte-source.js";
import { viewAs } from "./floats.js";
import {
  encodeNpyHeader,
  NpyError,
  type NpyHeader,
  npyHeaderBytes,
  npyPreludeBytes,
  parseNpyHeader,
} from "./npy-header.js";
import { gather } from "./strides.js";
import { dtypeBytes, type HostTensor, type TensorData } from "./tensor-file.js";

/**
 * Reads a `.npy` file: row-major whatever its order, little-endian whatever its bytes.
 * @throws RarityError "bad-file" for objects, structured or unknown types, and arrays cut short
 */
export async function readNpy(path: string): Promise<HostTensor> {
  await using source = await openFileSource(path);
  return await readNpySource(source); // before `source` is closed
}

/** The same for bytes from anywhere; the tensor is called by the source's name. */
export async function readNpySource(source: ByteSource): Promise<HostTensor> {
  const { name: file, size } = source;
  try {
    const length = npyHeaderBytes(await source.read(0, Math.min(size, npyPreludeBytes)));
    const header = parseNpyHeader(await source.read(0, Math.min(size, length)));
    checkNpyLength(header, size);
    const { dtype, shape, dataOffset, dataBytes } = header;
    return { name: file, dtype, shape, data: npyElements(header, await source.read(dataOffset, dataBytes)) };
  } catch (error) {
    if (error instanceof NpyError) throw badFile(file, `the array ${error.message}.`);
    throw error;
  }
}

/** @throws NpyError where the elements are more or fewer than the header says */
export function checkNpyLength(header: NpyHeader, size: number): void {
  const missing = header.dataOffset + header.dataBytes - size;
  if (missing > 0) throw new NpyError(`is cut short: ${missing} bytes of its elements are missing`);
  if (missing < 0) throw new NpyError(`is followed by ${-missing} bytes that belong to nothing`);
}

/** Elements in row-major order from the bytes as they are stored. */
export function npyElements({ dtype, shape, bigEndian, fortran }: NpyHeader, stored: Bytes): TensorData {
  const width = dtypeBytes[dtype];
  if (bigEndian) swap(stored, width);
  if (!fortran || shape.length < 2) return viewAs(dtype, stored);
  const strides: number[] = [];
  for (const [i] of shape.entries()) strides.push(i === 0 ? 1 : strides[i - 1]! * shape[i - 1]!);
  return viewAs(dtype, gather(stored, width, shape, strides));
}

function swap(bytes: Bytes, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}

/** Writes a `.npy` file, whole or not at all. */
export async function writeNpy(path: string, tensor: Omit<HostTensor, "name">): Promise<void> {
  const { dtype, shape, data } = tensor;
  await writeAtomically(path, async (sink) => {
    await sink.append(encodeNpyHeader(dtype, shape));
    await sink.append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}

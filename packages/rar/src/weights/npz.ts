/** npz archives: named npy arrays in a zip, read whole, or a few rows at a time where they do not fit in memory. */
import { badFile, quote } from "./bad-file.js";
import { type ByteSource, openFileSource } from "./byte-source.js";
import { toFloat32 } from "./floats.js";
import { noSuchTensor } from "./not-found.js";
import { checkNpyLength, npyElements } from "./npy.js";
import {
  encodeNpyHeader,
  NpyError,
  type NpyHeader,
  npyHeaderBytes,
  npyPreludeBytes,
  parseNpyHeader,
} from "./npy-header.js";
import { dtypeBytes, type HostTensor, type TensorFile, type TensorInfo } from "./tensor-file.js";
import { byteCount, checkNames, pour, streamOf, type TensorStream } from "./tensor-stream.js";
import { openZip, type Zip, type ZipMember } from "./zip.js";
import { writeZip, type ZipWriteOptions } from "./zip-write.js";

export interface NpzFile extends TensorFile {
  /**
   * The array's rows (its first axis), `count` at a time, the last batch perhaps smaller: one pass over the
   * archive. The CRC-32 is checked after the last batch. Arrays in Fortran order are read whole.
   */
  batches(name: string, count: number): AsyncIterable<HostTensor>;
}

/**
 * Opens an npz file; arrays are called as in numpy, without `.npy`.
 * @throws RarityError "bad-file" for a damaged archive or an array of objects, which is never unpickled
 */
export async function openNpz(path: string): Promise<NpzFile> {
  const source = await openFileSource(path);
  try {
    return await openNpzSource(source);
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

/** The same for bytes from anywhere. The file owns `source`, unless opening fails. */
export async function openNpzSource(source: ByteSource): Promise<NpzFile> {
  if (source.size === 0) throw badFile(source.name, "it is empty (0 bytes). Make it again.");
  return openNpzArchive(source, await openZip(source));
}

interface Member {
  readonly zipped: ZipMember;
  readonly header: NpyHeader;
}

/** The same for a zip archive that is open already. Members that are no `.npy` are left alone. */
export async function openNpzArchive(source: ByteSource, zip: Zip): Promise<NpzFile> {
  const { name: file } = source;
  const members = new Map<string, Member>();
  const tensors = new Map<string, TensorInfo>();
  for (const zipped of zip.members.values()) {
    if (!zipped.name.endsWith(".npy")) continue;
    const name = zipped.name.slice(0, -".npy".length);
    const header = await readHeader(file, zip, zipped);
    members.set(name, { zipped, header });
    tensors.set(name, { name, dtype: header.dtype, shape: header.shape });
  }
  const find = (name: string): Member => members.get(name) ?? noSuchTensor(file, name, members.keys());

  const read = async (name: string): Promise<HostTensor> => {
    const { zipped, header } = find(name);
    const bytes = await zip.read(zipped);
    const stored = bytes.subarray(header.dataOffset);
    const aligned = header.dataOffset % dtypeBytes[header.dtype] === 0 ? stored : stored.slice();
    return { name, dtype: header.dtype, shape: header.shape, data: npyElements(header, aligned) };
  };

  async function* batches(name: string, count: number): AsyncGenerator<HostTensor> {
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`count is ${count}, at least 1 is needed.`);
    const { zipped, header } = find(name);
    const { dtype, shape } = header;
    const rows = shape[0];
    if (rows === undefined) throw badFile(file, `array ${quote(name)} is a single number, it has no rows.`);
    if (rows === 0) return;
    if (header.dataBytes === 0 || (header.fortran && shape.length > 1)) {
      yield* slices(await read(name), count);
      return;
    }
    const rowBytes = header.dataBytes / rows;
    const stream = regrouped(zip.stream(zipped), header.dataOffset, rowBytes * Math.min(count, rows));
    for (let row = 0; row < rows; row += count) {
      const size = Math.min(count, rows - row);
      const { value } = await stream.next();
      if (value === undefined) throw badFile(file, `array ${quote(name)} is cut short.`);
      yield {
        name,
        dtype,
        shape: [size, ...shape.slice(1)],
        data: npyElements({ ...header, fortran: false }, value),
      };
    }
    for await (const _ of stream); // to the end, where the CRC-32 is checked
  }

  return {
    path: file,
    format: "npz",
    tensors,
    metadata: {},
    read,
    readFloat32: async (name) => toFloat32(await read(name)),
    batches,
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

async function readHeader(file: string, zip: Zip, member: ZipMember): Promise<NpyHeader> {
  try {
    const length = npyHeaderBytes(await zip.head(member, npyPreludeBytes));
    const header = parseNpyHeader(await zip.head(member, length));
    checkNpyLength(header, member.size);
    return header;
  } catch (error) {
    if (error instanceof NpyError) throw badFile(file, `array ${quote(member.name)} ${error.message}.`);
    throw error;
  }
}

/** Leaves out the first `skip` bytes, and gives the others in parts of `length`, the last perhaps shorter. */
async function* regrouped(
  parts: AsyncIterable<Uint8Array>,
  skip: number,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let left = skip;
  let group = new Uint8Array(length);
  let filled = 0;
  for await (const part of parts) {
    let at = Math.min(left, part.length);
    left -= at;
    while (at < part.length) {
      const taken = Math.min(part.length - at, group.length - filled);
      group.set(part.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === group.length) {
        yield group;
        group = new Uint8Array(group.length);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield group.slice(0, filled);
}

function* slices(tensor: HostTensor, count: number): Generator<HostTensor> {
  const [rows = 0, ...inner] = tensor.shape;
  if (tensor.data.length === 0) {
    yield tensor; // rows without a single number: nothing to cut
    return;
  }
  const width = tensor.data.length / rows;
  for (let row = 0; row < rows; row += count) {
    const size = Math.min(count, rows - row);
    const data = tensor.data.slice(row * width, (row + size) * width);
    yield { ...tensor, shape: [size, ...inner], data };
  }
}

/**
 * Writes an npz file as `numpy.savez` does (stored, 64-bit where needed), whole or not at all.
 * @param tensors - tensors in memory, or a stream that gives the elements when their turn comes
 */
export async function writeNpz(
  path: string,
  tensors: readonly HostTensor[] | TensorStream,
  options: Pick<ZipWriteOptions, "forceZip64"> = {},
): Promise<void> {
  const stream = streamOf(tensors);
  checkNames(stream.infos);
  const members = stream.infos.map((info) => {
    const header = encodeNpyHeader(info.dtype, info.shape);
    return {
      name: `${info.name}.npy`,
      size: header.length + byteCount(info),
      pour: async (sink: (bytes: Uint8Array) => Promise<void>) => {
        await sink(header);
        await pour(stream, info, sink);
      },
    };
  });
  await writeZip(path, members, { align: 64, ...options });
}

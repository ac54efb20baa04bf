/** PyTorch files of today (1.6 and later): a zip archive of one pickle and a member for each storage. */
import { crc32 } from "node:zlib";
import { badFile, quote } from "./bad-file.js";
import type { ByteSource, Bytes } from "./byte-source.js";
import { PickleError, unpickle } from "./pickle.js";
import type { TensorFile } from "./tensor-file.js";
import { torchTensorFile } from "./torch-file.js";
import { torchRules } from "./torch-pickle.js";
import { type StridedTensor, stateDict } from "./torch-state-dict.js";
import { checkCrc, type Zip, type ZipMember } from "./zip.js";

/** Far more than the pickle of any model; the storages are not in it. */
export const maxPickleBytes = 32 * 1024 * 1024;

/** Path of the archive's `data.pkl`, whatever its top folder is called; undefined where there is none. */
export function torchPickle(zip: Zip): ZipMember | undefined {
  for (const member of zip.members.values()) if (isPickle(member.name)) return member;
  return undefined;
}

const isPickle = (name: string): boolean => /^[^/]+\/data\.pkl$/.test(name);

/**
 * Opens a PyTorch zip archive: reads its pickle, checks every tensor against its storage. Elements are read by
 * range; the CRC-32 of a storage is checked before the first of its elements is given out.
 */
export async function openTorchZip(source: ByteSource, zip: Zip): Promise<TensorFile> {
  const { name: file } = source;
  const pickles = [...zip.members.values()].filter(({ name }) => isPickle(name));
  const pickle = pickles[0];
  if (pickle === undefined || pickles.length > 1)
    throw badFile(file, `the archive has ${pickles.length} members data.pkl, a PyTorch file has one.`);
  const root = pickle.name.slice(0, -"data.pkl".length);
  await checkByteOrder(file, zip, root);
  if (zip.members.has(`${root}constants.pkl`))
    throw badFile(file, "it is a TorchScript program, not weights. Save the model's state_dict().");
  if (pickle.size > maxPickleBytes)
    throw badFile(file, `its pickle has ${pickle.size} bytes, far more than any state dict.`);
  if (pickle.method !== "stored") throw packed(file, pickle);

  const tensors = stateDict(file, runPickle(file, await zip.read(pickle)));
  const members = new Map<string, ZipMember>();
  for (const tensor of tensors.values()) {
    const member = zip.members.get(`${root}data/${tensor.storageKey}`);
    if (member === undefined)
      throw badFile(
        file,
        `storage ${quote(tensor.storageKey)} of tensor ${quote(tensor.name)} is not in the archive.`,
      );
    if (member.method !== "stored") throw packed(file, member);
    if (member.size !== tensor.storageBytes)
      throw badFile(
        file,
        `storage ${quote(tensor.storageKey)} of tensor ${quote(tensor.name)} has ${member.size} bytes, its pickle says ${tensor.storageBytes}.`,
      );
    members.set(tensor.storageKey, member);
  }

  const readStorage = async ({ storageKey, begin, span }: StridedTensor): Promise<Bytes> => {
    const member = members.get(storageKey)!;
    const whole = span === member.size;
    if (!whole) await zip.check(member);
    const bytes = await source.read((await zip.dataOffset(member)) + begin, span);
    if (whole) checkCrc(file, member, crc32(bytes));
    return bytes;
  };
  return torchTensorFile(source, "torch", tensors, readStorage);
}

function runPickle(file: string, bytes: Bytes) {
  try {
    return unpickle(bytes, 0, torchRules()).value;
  } catch (error) {
    if (error instanceof PickleError) throw badFile(file, `${error.message}.`);
    throw error;
  }
}

async function checkByteOrder(file: string, zip: Zip, root: string): Promise<void> {
  const member = zip.members.get(`${root}byteorder`);
  if (member === undefined) return; // versions before 2.0 do not say; all machines that ran them were little-endian
  const order = member.size <= 16 ? Buffer.from(await zip.read(member)).toString("latin1") : "";
  if (order !== "little")
    throw badFile(
      file,
      `its byte order is ${quote(order)}; only little-endian files can be read. Load it in PyTorch and save it again as safetensors.`,
    );
}

const packed = (file: string, member: ZipMember): Error =>
  badFile(
    file,
    `zip member ${quote(member.name)} is compressed, which PyTorch's files are not. Unpack and store it again without compression.`,
  );

/** Entries of a WebDataset shard to samples: grouped by key, the picture and the label picked out (DATA.md 8.2). */
import { RarityError } from "../config/errors.js";
import { badFile, quote } from "../weights/bad-file.js";
import type { TarEntry } from "./tar.js";

/** Entries that follow each other under one key. */
export interface Sample<Field = TarEntry> {
  readonly key: string;
  /** By field name: what follows the first dot of the file's name, in small letters. */
  readonly fields: ReadonlyMap<string, Field>;
}

/** What is wrong with a shard or a sample, told before reading goes on. Throw it to stop. */
export type OnProblem = (problem: RarityError) => void;

/**
 * Groups entries into samples. Names without a dot, hidden files and what begins with `__x__` at the top are passed over; a field
 * that comes twice in one sample is dropped, and reading ends where the archive is damaged: both are told to `onProblem`.
 *
 * @param keep - what is kept of an entry, such as its bytes; called while they can be read
 */
export async function* groupSamples<Field>(
  shard: string,
  entries: AsyncIterable<TarEntry>,
  keep: (entry: TarEntry, field: string) => Promise<Field>,
  onProblem: OnProblem,
): AsyncGenerator<Sample<Field>> {
  let key: string | undefined;
  let fields = new Map<string, Field>();
  let damage: unknown;
  const iterator = entries[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<TarEntry>;
    let kept: Field | undefined;
    let name: readonly [key: string, field: string] | undefined;
    try {
      next = await iterator.next();
      if (next.done) break;
      name = splitName(next.value.name);
      if (name !== undefined && !(name[0] === key && fields.has(name[1])))
        kept = await keep(next.value, name[1]);
    } catch (error) {
      damage = error;
      break;
    }
    if (name === undefined) continue;
    const [itsKey, field] = name;
    if (itsKey !== key) {
      if (key !== undefined) yield { key, fields };
      [key, fields] = [itsKey, new Map()];
    }
    if (fields.has(field)) {
      onProblem(badFile(shard, `sample ${quote(itsKey)} has two ${quote(field)}. The second is left out.`));
      continue;
    }
    fields.set(field, kept as Field);
  }
  if (damage !== undefined) {
    if (!(damage instanceof RarityError && damage.code === "bad-file")) throw damage;
    onProblem(damage);
  }
  if (key !== undefined) yield { key, fields };
}

/** Key and field of an entry's name; undefined for names that belong to no sample. */
export function splitName(name: string): readonly [key: string, field: string] | undefined {
  if (/^__[^/]*__(?:$|\/)/.test(name)) return undefined;
  const match = /^((?:.*\/)?[^./]+)\.([^/]*)$/s.exec(name);
  return match === null ? undefined : [match[1]!, match[2]!.toLowerCase()];
}

/** Which field is the picture where there are several, and which fields are needed in all. */
const imageFields = ["jpg", "png", "jpeg", "webp"] as const;
const labelField = "cls";

/** A picture with its class. */
export interface LabelledSample<Field> {
  readonly key: string;
  readonly image: Field;
  /** Name of the picture in its shard. */
  readonly imageName: string;
  readonly classId: number;
}

/**
 * The picture and the label of a sample; undefined, after `onProblem`, where either is missing or the label is no class number.
 *
 * @param labelOf - the text of the `cls` field
 */
export function labelled<Field>(
  shard: string,
  { key, fields }: Sample<Field>,
  labelOf: (field: Field) => string,
  onProblem: OnProblem,
): LabelledSample<Field> | undefined {
  const field = imageFields.find((name) => fields.has(name));
  const label = fields.get(labelField);
  if (field === undefined || label === undefined) {
    const missing =
      field === undefined ? `a picture (${imageFields.join(", ")})` : `its class (${labelField})`;
    onProblem(badFile(shard, `sample ${quote(key)} lacks ${missing}. Complete the shard, or skip samples.`));
    return undefined;
  }
  const text = labelOf(label);
  const classId = /^\s*\+?\d+(?:_\d+)*\s*$/.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (!(classId < 2 ** 31)) {
    const wanted = "a class is a whole number from 0";
    onProblem(
      badFile(shard, `"${key}.${labelField}" holds ${quote(text)}; ${wanted}. Correct it, or skip samples.`),
    );
    return undefined;
  }
  return { key, image: fields.get(field)!, imageName: `${key}.${field}`, classId };
}

/**
 * The order of a benchmark's images: which class each is of, which file it becomes, which are drawn together. Nothing here depends on
 * how many processes draw.
 */

export interface LayoutOptions {
  readonly count: number;
  readonly classes: number;
  /** Images drawn together. */
  readonly batch: number;
  /** Number the files as this many processes of the reference do. Default 1. */
  readonly parts?: number | undefined;
}

/**
 * The list of labels is 0 .. classes-1, repeated and cut at `count`. The image at a position of this list is drawn by seed and
 * position. Batches are consecutive positions.
 *
 * With one part the file's number is the position. The reference cuts the list into as many consecutive parts as it has processes;
 * image q of part r becomes file q * parts + r (REFERENCE 5). Where the count does not divide, the first parts are longer by one.
 */
export class SampleLayout {
  readonly count: number;
  readonly classes: number;
  readonly batch: number;
  readonly parts: number;

  /** @throws {RangeError} where a number is no whole one of at least 1, or there are more parts than images */
  constructor({ count, classes, batch, parts = 1 }: LayoutOptions) {
    for (const [name, value] of Object.entries({ count, classes, batch, parts }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new RangeError(`${name} is ${value}; it must be a whole number of at least 1.`);
    if (parts > count) throw new RangeError(`${count} images cannot be cut into ${parts} parts.`);
    this.count = count;
    this.classes = classes;
    this.batch = batch;
    this.parts = parts;
  }

  label(position: number): number {
    return position % this.classes;
  }

  file(position: number): number {
    const [each, longer] = [Math.floor(this.count / this.parts), this.count % this.parts];
    const inLonger = longer * (each + 1);
    const [part, place] =
      position < inLonger
        ? [Math.floor(position / (each + 1)), position % (each + 1)]
        : [longer + Math.floor((position - inLonger) / each), (position - inLonger) % each];
    return place * this.parts + part;
  }

  /** The position whose image is in a file. */
  position(file: number): number {
    const [each, longer] = [Math.floor(this.count / this.parts), this.count % this.parts];
    const [place, part] = [Math.floor(file / this.parts), file % this.parts];
    return part * each + Math.min(part, longer) + place;
  }

  get batches(): number {
    return Math.ceil(this.count / this.batch);
  }

  /** Positions of a batch; the last one may be shorter. */
  positions(batch: number): number[] {
    const first = batch * this.batch;
    return Array.from({ length: Math.min(this.batch, this.count - first) }, (_, i) => first + i);
  }

  /** The layout in a sentence or two. */
  describe(): string {
    const { count, classes, parts } = this;
    const n = (x: number): string => x.toLocaleString("en");
    const [each, more] = [Math.floor(count / classes), count % classes];
    const shares =
      more === 0
        ? `${n(each)} of each class`
        : `${n(each + 1)} of ${more === 1 ? "the first class" : `each of the first ${n(more)} classes`}, ${n(each)} of each other`;
    const numbering =
      parts === 1
        ? `file n is of class n mod ${n(classes)}`
        : `files are numbered as ${parts} processes of the reference number them`;
    return `${n(count)} images of ${n(classes)} classes, ${shares}; ${numbering}.`;
  }
}

/** `000042.png`, as the reference names files. */
export const sampleName = (file: number): string => `${String(file).padStart(6, "0")}.png`;

/** The number in such a name. */
export function sampleNumber(name: string): number | undefined {
  const digits = /^(\d{6,})\.png$/.exec(name)?.[1];
  return digits === undefined || sampleName(Number(digits)) !== name ? undefined : Number(digits);
}

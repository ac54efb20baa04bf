/** Feeds forged inputs to a parser and counts what becomes of them. */
import { RarityError } from "../config/errors.js";
import { type FuzzParser, fuzzParsers, RefusedPickle } from "./fuzz-parsers.js";
import { type Random, seeded } from "./fuzz-random.js";

export interface FuzzCounts {
  readonly accepted: number;
  readonly refused: number;
  readonly crashes: number;
  readonly slow: number;
  readonly outsized: number;
  /** The first few failures, enough to make each again. */
  readonly findings: readonly string[];
}

export interface FuzzRange {
  readonly parser: string;
  readonly seed: number;
  readonly from: number;
  readonly to: number;
}

/** Longer than this for an input of some hundred bytes counts as a hang. */
const slowMilliseconds = 1000;
/** The largest array that an input of `size` bytes may ask for: deflate unpacks to 1032 times as much, int8 widens by 4. */
const allowance = (parser: string, size: number): number => (parser === "npz" ? 4200 : 16) * size + 300_000;
const maxFindings = 20;

export function findParser(name: string): FuzzParser {
  const parser = fuzzParsers.find((candidate) => candidate.name === name);
  if (parser === undefined)
    throw new RangeError(`No parser "${name}". There are ${fuzzParsers.map((p) => p.name).join(", ")}.`);
  return parser;
}

/** Input number `index` of a seed. */
export function fuzzInput(parser: FuzzParser, seed: number, index: number): Uint8Array {
  const random: Random = seeded(fuzzParsers.indexOf(parser), seed, index);
  return parser.make(random);
}

/**
 * Runs inputs `from` to `to`.
 * @param progress - told the index before each input, so that a watcher can name the one that hangs
 * @param parser - the parser itself, where it is none of the known ones
 */
export async function fuzz(
  range: FuzzRange,
  progress: (index: number) => void = () => {},
  parser: FuzzParser = findParser(range.parser),
): Promise<FuzzCounts> {
  const findings: string[] = [];
  const counts = { accepted: 0, refused: 0, crashes: 0, slow: 0, outsized: 0 };
  const found = (kind: "crashes" | "slow" | "outsized", index: number, text: string): void => {
    counts[kind]++;
    if (findings.length < maxFindings)
      findings.push(`${parser.name} seed ${range.seed} input ${index}: ${text}`);
  };
  const stackTraceLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // refusals are errors by the million
  const allocations = watchAllocations();
  try {
    for (let index = range.from; index < range.to; index++) {
      progress(index);
      const bytes = fuzzInput(parser, range.seed, index);
      allocations.largest = 0;
      const start = performance.now();
      try {
        await parser.read(bytes);
        counts.accepted++;
      } catch (error) {
        if (isRefusal(error)) counts.refused++;
        else found("crashes", index, String(error));
      }
      const took = performance.now() - start;
      if (took > slowMilliseconds) found("slow", index, `took ${took.toFixed(0)} ms`);
      if (allocations.largest > allowance(parser.name, bytes.length))
        found("outsized", index, `asked for ${allocations.largest} bytes with an input of ${bytes.length}`);
    }
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    allocations.stop();
  }
  return { ...counts, findings };
}

function isRefusal(error: unknown): boolean {
  if (error instanceof RefusedPickle) return true;
  return error instanceof RarityError && (error.code === "bad-file" || error.code === "not-found");
}

/** Notes the largest typed array made by `new` until stopped, whether or not it was ever filled. */
function watchAllocations(): { largest: number; stop(): void } {
  const names = ["Uint8Array", "Uint16Array", "Uint32Array", "Float32Array", "Float64Array"] as const;
  const originals = names.map((name) => globalThis[name]);
  const watch = {
    largest: 0,
    stop() {
      for (const [i, name] of names.entries()) Object.assign(globalThis, { [name]: originals[i] });
    },
  };
  for (const [i, name] of names.entries()) {
    const original = originals[i]!;
    const construct = (target: object, args: unknown[]): object => {
      const length = args[0];
      const bytes = typeof length === "number" ? length * original.BYTES_PER_ELEMENT : 0;
      if (bytes > watch.largest) watch.largest = bytes;
      return Reflect.construct(target as never, args);
    };
    Object.assign(globalThis, { [name]: new Proxy(original, { construct }) });
  }
  return watch;
}

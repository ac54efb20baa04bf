/** Changes to bytes, text and numbers that readers of files tend to trip over. */
import type { Random } from "./fuzz-random.js";

/** Numbers at the edges of the types that formats use. */
export const edges: readonly number[] = [
  0,
  1,
  2,
  7,
  8,
  15,
  16,
  63,
  64,
  127,
  128,
  255,
  256,
  32767,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  -1,
  -2,
  -128,
  1e8,
  1e8 + 1,
  1.5,
];

/** A number near the given one, or one from the edges. */
export function nudge(random: Random, value: number): number {
  const kind = random.below(4);
  if (kind === 0) return value + random.pick([-8, -4, -1, 1, 4, 8]);
  if (kind === 1) return value * random.pick([0, 2, -1, 16, 1024]);
  if (kind === 2) return random.below(2 * Math.abs(value) + 4);
  return random.pick(edges);
}

/** One to four changes anywhere. */
export function mutateBytes(random: Random, input: Uint8Array): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(input);
  for (let changes = 1 + random.below(4); changes > 0; changes--) bytes = change(random, bytes);
  return bytes;
}

function change(random: Random, bytes: Uint8Array): Uint8Array {
  const size = bytes.length;
  const at = random.below(size + 1);
  const span = 1 + random.below(random.pick([4, 16, 64]));
  switch (random.below(8)) {
    case 0: // a bit
      if (at < size) bytes[at]! ^= 1 << random.below(8);
      return bytes;
    case 1: // a byte
      if (at < size) bytes[at] = random.pick(edges) & 255;
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3: // a piece left out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + span)]);
    case 4: // a piece twice
      return Buffer.concat([bytes.subarray(0, at + span), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(span), bytes.subarray(at)]);
    case 6: {
      // a piece of the file at another place of it
      const from = random.below(size + 1);
      const piece = bytes.slice(from, from + span);
      if (at + piece.length <= size) bytes.set(piece, at);
      return bytes;
    }
    default: {
      // a number of 2, 4 or 8 bytes
      const width = random.pick([2, 4, 8]);
      if (at + width > size) return bytes;
      const value = BigInt(Math.trunc(random.pick(edges)));
      for (let i = 0; i < width; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 255n);
      return bytes;
    }
  }
}

/** Text with digits, signs and brackets changed, or with a piece moved. */
export function mutateText(random: Random, text: string): string {
  const at = random.below(text.length + 1);
  const span = 1 + random.below(12);
  switch (random.below(5)) {
    case 0: {
      const numbers = [...text.matchAll(/\d+/g)];
      if (numbers.length === 0) return text;
      const number = random.pick(numbers);
      return `${text.slice(0, number.index)}${nudge(random, Number(number[0]))}${text.slice(number.index + number[0].length)}`;
    }
    case 1:
      return (
        text.slice(0, at) +
        random.pick([..."{}[]()\"',:-.eE0\\\0 \n", "null", "__proto__", "é"]) +
        text.slice(at)
      );
    case 2:
      return text.slice(0, at) + text.slice(at + span);
    case 3:
      return text.slice(0, at + span) + text.slice(at);
    default:
      return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
  }
}

/** Token files under fuzzing: sound ones, ones whose numbers lie under right checksums, JSON lines with parts changed. */
import { crc32 } from "node:zlib";
import { encodeTokenHeader } from "../data/token-header.js";
import { tokenLine } from "../data/token-line.js";
import { nudge } from "./fuzz-mutate.js";
import type { Random } from "./fuzz-random.js";

/** Where the numbers of a header stand: version, header bytes, rows, tokens, bytes a token, codebook, classes, metadata bytes. */
const fields = [8, 12, 16, 20, 24, 28, 32, 36, 40];

/** A token file; now and then a number of its header or a row is another, and signed again. */
export function forgedTokenFile(random: Random): Buffer {
  const [length, rows] = [1 + random.below(4), random.below(4)];
  const codeBits = random.pick([16, 32] as const);
  const codebookSize = random.pick([undefined, 8, 60_000]);
  const classes = random.pick([undefined, 3]);
  const metadata = random.chance(0.5) ? { from: "é" } : {};
  const header = Buffer.from(encodeTokenHeader({ length, codeBits, codebookSize, classes, metadata }, rows));
  if (random.chance(0.4)) {
    const at = random.pick(fields);
    header.writeUInt32LE(
      Number(BigInt.asUintN(32, BigInt(Math.trunc(nudge(random, header.readUInt32LE(at)))))),
      at,
    );
    if (random.chance(0.1)) header[64 + random.below(header.length - 64)]! ^= 1 << random.below(8);
    const end = Math.min(header.readUInt32LE(12), header.length);
    if (end >= 64) header.writeUInt32LE(crc32(header.subarray(64, end), crc32(header.subarray(0, 60))), 60);
  }
  const body = Array.from({ length: rows }, () => {
    const row = Buffer.alloc(8 + (length * codeBits) / 8);
    row.writeUInt32LE(random.chance(0.05) ? random.pick([3, 2 ** 31, 2 ** 32 - 1]) : random.below(3));
    for (let at = 4; at < row.length - 4; at += codeBits / 8) row.writeUInt16LE(random.below(8), at);
    if (random.chance(0.05)) row.fill(255, 4, row.length - 4);
    row.writeUInt32LE(crc32(row.subarray(0, row.length - 4)), row.length - 4);
    return row;
  });
  return Buffer.concat([header, ...body]);
}

/** JSON lines, with any of the ends that lines may have. */
export function forgedTokenLines(random: Random): string {
  const length = 1 + random.below(4);
  const end = random.pick(["\n", "\r\n", "\r"]);
  let text = "";
  for (let rows = 1 + random.below(20); rows > 0; rows--) {
    const count = random.chance(0.03) ? random.below(6) : length;
    const tokens = Array.from({ length: count }, () =>
      random.chance(0.01) ? nudge(random, 7) : random.below(8),
    );
    const line = tokenLine(random.chance(0.02) ? nudge(random, 1) : random.below(3), tokens).trimEnd();
    text += random.chance(0.02) ? random.pick(["", " ", "{}", "null", "[]", "3"]) : line;
    if (rows > 1 || random.chance(0.8)) text += random.chance(0.03) ? "\r" : end;
  }
  return text;
}

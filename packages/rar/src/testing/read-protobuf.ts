/** Reads protocol buffers in tests: written from the format's description, apart from the writer. */

/** Fields of a message in order; texts, messages, floats and doubles as their bytes. */
export function* fields(bytes: Buffer): Generator<[field: number, value: number | Buffer]> {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = number();
    const kind = key & 7;
    if (kind === 0) {
      yield [key >> 3, number()];
      continue;
    }
    const length = kind === 1 ? 8 : kind === 5 ? 4 : number();
    yield [key >> 3, bytes.subarray(at, at + length)];
    at += length;
  }
}

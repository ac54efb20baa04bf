/** Protocol buffers as far as logs need them: numbers, bytes and texts by field number, written and not read. */

/** Fields of one message in the order of writing. */
export class Message {
  readonly #parts: Uint8Array[] = [];

  /** int32, int64, uint64, enum and bool fields; a number below 0 takes ten bytes, as the format has it. */
  integer(field: number, value: number): this {
    return this.#put(varint(field * 8), varint(value));
  }

  float(field: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    return this.#put(varint(field * 8 + 5), bytes);
  }

  double(field: number, value: number): this {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    return this.#put(varint(field * 8 + 1), bytes);
  }

  bytes(field: number, value: Uint8Array): this {
    return this.#put(varint(field * 8 + 2), varint(value.length), value);
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode());
  }

  encode(): Uint8Array {
    return Buffer.concat(this.#parts);
  }

  #put(...parts: Uint8Array[]): this {
    this.#parts.push(...parts);
    return this;
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(bytes);
}

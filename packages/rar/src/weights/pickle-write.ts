/** Writes the few pickle opcodes (protocol 2) that a state dict is made of. */
export class PickleWriter {
  #bytes = new Uint8Array(4096);
  #length = 0;

  constructor() {
    this.#put(0x80, 2);
  }

  /** A class or function, by name. */
  global(module: string, name: string): void {
    this.#put(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  string(text: string): void {
    const utf8 = new TextEncoder().encode(text);
    this.#put(0x58, ...littleEndian(BigInt(utf8.length), 4));
    for (let i = 0; i < utf8.length; i += 1024) this.#put(...utf8.subarray(i, i + 1024));
  }

  /** A whole number from 0 to 2^53. */
  integer(value: number): void {
    if (value < 256) this.#put(0x4b, value);
    else if (value < 2 ** 31) this.#put(0x4a, ...littleEndian(BigInt(value), 4));
    else this.#put(0x8a, 8, ...littleEndian(BigInt(value), 8));
  }

  mark(): void {
    this.#put(0x28);
  }

  /** Everything since the last mark. */
  tuple(): void {
    this.#put(0x74);
  }

  emptyTuple(): void {
    this.#put(0x29);
  }

  false(): void {
    this.#put(0x89);
  }

  /** Calls what lies below the tuple on top. */
  reduce(): void {
    this.#put(0x52);
  }

  persistentId(): void {
    this.#put(0x51);
  }

  /** Keys and values since the last mark, into the dict below it. */
  setItems(): void {
    this.#put(0x75);
  }

  finish(): Uint8Array {
    this.#put(0x2e);
    return this.#bytes.slice(0, this.#length);
  }

  #put(...bytes: number[]): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#bytes.length + bytes.length);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

function littleEndian(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

/** Writes small tar archives for tests, with PAX headers for names that need them. */

export function tarOf(members: readonly (readonly [name: string, data: Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, data] of members) {
    const plain = /^[\x20-\x7e]{1,100}$/.test(name);
    if (!plain) parts.push(...entry("pax", paxRecord("path", name), "x"));
    parts.push(...entry(plain ? name : "long", data, "0"));
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

function entry(name: string, data: Uint8Array, type: string): Uint8Array[] {
  const header = Buffer.alloc(512);
  header.write(name, 0, "latin1");
  header.write("0000644\0", 100, "latin1");
  header.write(data.length.toString(8).padStart(11, "0"), 124, "latin1");
  header.write("        ", 148, "latin1");
  header.write(type, 156, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
}

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest;
  while (length !== rest + String(length).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

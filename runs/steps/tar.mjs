/** Tar archives of small files, put together in memory: what a WebDataset shard is. */
const BLOCK = 512;

/**
 * A ustar archive; no times and no owners, so that equal files make equal archives.
 *
 * @param files - `{name, data}`, names of at most 100 bytes
 */
export function tar(files) {
  const parts = files.flatMap(({ name, data }) => {
    if (Buffer.byteLength(name) > 100) throw new Error(`"${name}" is too long a name for a shard`);
    return [header(name, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]); // ends in two empty blocks
}

function header(name, size) {
  const block = Buffer.alloc(BLOCK);
  const octal = (value, digits, at) => block.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  block.write(name, 0, "utf8");
  octal(0o644, 7, 100);
  octal(0, 7, 108); // owner
  octal(0, 7, 116); // group
  octal(size, 11, 124);
  octal(0, 11, 136); // time
  block.write("        0", 148, "latin1"); // the checksum counts as spaces while it is added up; a regular file
  block.write("ustar\x0000", 257, "latin1");
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    6,
    148,
  );
  block.write("\0 ", 154, "latin1");
  return block;
}

/** Cuts a stream of bytes into lines, for text that can only be read from its start. */
import { badFile } from "../weights/bad-file.js";

const [lineFeed, carriageReturn] = [0x0a, 0x0d];
/** A line longer than this is no row of tokens, and must not fill the memory. */
export const longestLine = 64 * 1024 * 1024;

/**
 * The lines without their ends, which are \n, \r\n or \r; the last may lack its end.
 *
 * @throws RarityError "bad-file" where a line is longer than 64 MB
 */
export async function* splitLines(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = []; // of a line that began in earlier chunks
  let restBytes = 0;
  let afterReturn = false;
  let line = 1;
  for await (const chunk of chunks) {
    let begin = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte !== lineFeed && byte !== carriageReturn) {
        afterReturn = false;
        continue;
      }
      if (!(byte === lineFeed && afterReturn)) {
        yield joined(rest, chunk.subarray(begin, at));
        [rest, restBytes] = [[], 0];
        line++;
      }
      afterReturn = byte === carriageReturn;
      begin = at + 1;
    }
    restBytes += chunk.length - begin;
    if (restBytes > longestLine) throw tooLong(name, line);
    if (begin < chunk.length) rest.push(chunk.subarray(begin));
  }
  if (restBytes > 0) yield joined(rest, new Uint8Array(0));
}

const joined = (rest: readonly Uint8Array[], end: Uint8Array): Uint8Array =>
  rest.length === 0 ? end : Buffer.concat([...rest, end]);

export const tooLong = (name: string, line: number): Error =>
  badFile(
    name,
    `line ${line} is longer than ${longestLine / 2 ** 20} MB, which no row of tokens is. Is it the right file?`,
  );

/**
 * TensorBoard event files: TFRecord framing around Event messages. Field numbers are those of TensorFlow's public
 * event.proto and summary.proto.
 */
import { encodePng } from "../../images/png.js";
import type { RgbImage } from "../../images/rgb.js";
import { AppendFile } from "./append-file.js";
import { maskedCrc32c } from "./crc32c.js";
import { Message } from "./protobuf.js";
import type { Tracker } from "./tracker.js";

/**
 * One more event file in a folder of TensorBoard's. The files of earlier processes stay; a run that continues tells
 * TensorBoard to forget what they hold of later steps.
 *
 * @param path - of a file that does not exist yet
 * @param step - the finished step the run continues from, 0 for a new one
 * @param now - seconds since 1970
 */
export function tensorBoard(
  path: string,
  step: number,
  failed: (error: unknown) => void,
  now: () => number,
): Tracker {
  const file = new AppendFile(path, 0, failed);
  const event = (): Message => new Message().double(1, now());
  const write = (message: Message): void => file.append(record(message.encode()));
  write(event().text(3, "brain.Event:2"));
  // A session that starts: events of this step and later in older files count no more.
  write(
    event()
      .integer(2, step + 1)
      .message(7, new Message().integer(1, 1)),
  );
  let images: Promise<void> = Promise.resolve();
  return {
    scalars(at, values) {
      const summary = new Message();
      for (const [name, value] of Object.entries(values))
        summary.message(1, new Message().text(1, name).float(2, value));
      write(event().integer(2, at).message(5, summary));
    },
    image(at, name, image) {
      const started = event().integer(2, at);
      images = images
        .then(async () => write(started.message(5, await imageSummary(name, image))))
        .catch(failed);
    },
    async close() {
      await images;
      await file.close();
    },
  };
}

async function imageSummary(name: string, image: RgbImage): Promise<Message> {
  const png = await encodePng(image);
  const { width, height } = image;
  const value = new Message().integer(1, height).integer(2, width).integer(3, 3).bytes(4, png);
  return new Message().message(1, new Message().text(1, name).message(4, value));
}

/** Length, its checksum, the bytes, their checksum. */
function record(bytes: Uint8Array): Uint8Array {
  const header = Buffer.alloc(12);
  header.writeBigUInt64LE(BigInt(bytes.length));
  header.writeUInt32LE(maskedCrc32c(header.subarray(0, 8)), 8);
  const footer = Buffer.alloc(4);
  footer.writeUInt32LE(maskedCrc32c(bytes));
  return Buffer.concat([header, bytes, footer]);
}

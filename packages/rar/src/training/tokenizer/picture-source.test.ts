import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { fakeImages, patterned } from "../../testing/fake-images.js";
import { openPictures, type PictureSourceOptions } from "./picture-source.js";

const options: PictureSourceOptions = { side: 4, device: "cpu", onError: "fail", say() {} };
const pictures = Array.from({ length: 9 }, (_, i) => patterned(i));

/** The bytes of pictures by number. */
async function taken(set: typeof pictures, own: Partial<PictureSourceOptions>, wanted: number[]) {
  const source = await openPictures(fakeImages(set), [8, 1, 2, 3], { ...options, ...own });
  using bytes = await source.take(wanted);
  expect(bytes.shape).toEqual([wanted.length, 4, 4, 3]);
  const found = { count: source.count, data: torch.numbers(bytes), where: source.where };
  source.dispose();
  return found;
}
const bytesOf = (...numbers: number[]): number[] => numbers.flatMap((i) => Array.from(pictures[i]!.data));

describeWithLibtorch("pictures of a run", () => {
  it("are held in memory, or read for each batch where they do not fit: the same bytes", async () => {
    const held = await taken(pictures, {}, [0, 3, 3]);
    expect(held).toMatchObject({ count: 4, data: bytesOf(8, 3, 3), where: "in memory (1 MB)" });
    const read = await taken(pictures, { memory: 100 }, [0, 3, 3]);
    expect(read).toMatchObject({ count: 4, data: held.data });
    expect(read.where).toMatch(/read anew for each batch/);
  });

  it("leave out those that cannot be decoded, where that is allowed, and name them", async () => {
    const damaged = pictures.map((picture, i) => (i === 1 ? undefined : picture)) as typeof pictures;
    await expect(taken(damaged, {}, [0])).rejects.toThrow(/picture-1\.png/);
    const said: string[] = [];
    const skipping = { onError: "skip" as const, say: (line: string) => void said.push(line) };
    expect(await taken(damaged, skipping, [0, 1, 2])).toMatchObject({ count: 3, data: bytesOf(8, 2, 3) });
    expect(said).toEqual([expect.stringMatching(/Skipped: .*picture-1\.png/)]);
    // Read anew, the next one stands in.
    expect((await taken(damaged, { ...skipping, memory: 100 }, [1, 1, 2])).data).toEqual(bytesOf(2, 2, 2));
    expect(said).toHaveLength(2);
    const none = pictures.map(() => undefined) as unknown as typeof pictures;
    for (const memory of [100, 1e9])
      await expect(taken(none, { ...skipping, memory }, [0])).rejects.toThrow(/None of the pictures/);
  });
});

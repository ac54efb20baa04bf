import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as torch from "libtorch";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithLibtorch } from "../../../libtorch/src/testing/suite.js";
import { writeTorchFile } from "../weights/torch-write.js";
import { beginSave, latestCheckpoint, saveCheckpoint } from "./checkpoint.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A tensor of three numbers that begin with `value`, saved as a checkpoint. */
async function save(step: number, value: number, options = {}): Promise<void> {
  using a = torch.tensor([value, 1.5, -0]);
  using b = torch.tensor(BigInt64Array.of(7n), { shape: [1] });
  const tensors = {
    "generator.safetensors": new Map([["a", a]]),
    "moments.safetensors": new Map([["b", b]]),
  };
  await saveCheckpoint(folder, step, { tensors, state: { step, note: "x" } }, options);
}

async function load(lines: string[] = []) {
  const found = await latestCheckpoint(folder, (line) => lines.push(line));
  if (found === undefined) return undefined;
  await using file = await found.open("generator.safetensors");
  return { ...found, value: (await file.readFloat32("a"))[0] };
}
const names = async (): Promise<string[]> => (await readdir(folder)).sort();

describeWithLibtorch("checkpoints", () => {
  it.each([true, false])("come back as they were, `latest` names the newest (beside: %s)", async (beside) => {
    expect(await latestCheckpoint(join(folder, "none"), () => {})).toBeUndefined();
    await save(2, 20, { beside });
    await save(10, 100, { beside });
    expect(await load()).toMatchObject({
      step: 10,
      value: 100,
      state: { step: 10, note: "x" },
      weightsOnly: false,
    });
    expect(await readFile(join(folder, "latest"), "utf8")).toBe("checkpoint-10\n");
    expect(await names()).toEqual(["checkpoint-10", "checkpoint-2", "latest"]);
  });

  it("are copied at the moment of saving where they are written beside training", async () => {
    using a = torch.tensor([1]);
    const content = { tensors: { "generator.safetensors": new Map([["a", a]]) }, state: {} };
    const { copied, written } = beginSave(folder, 1, content, { beside: true });
    await copied;
    torch.scope(() => void torch.add_(a, torch.tensor([5])));
    await written;
    expect((await load())?.value).toBe(1);
  });

  it("keeps the last K, never what is newer or not its own", async () => {
    await mkdir(join(folder, "checkpoint-1", "unwrapped_model"), { recursive: true });
    for (const step of [2, 3, 4, 9]) await save(step, step, { keep: 0 });
    await save(5, 5, { keep: 2 });
    expect(await names()).toEqual(["checkpoint-1", "checkpoint-4", "checkpoint-5", "checkpoint-9", "latest"]);
  });

  it("replaces one of the same step", async () => {
    await save(3, 1);
    await save(3, 2);
    expect((await load())?.value).toBe(2);
    expect(await names()).toEqual(["checkpoint-3", "latest"]);
  });

  it("passes over damaged and half-written ones, each with a line, and takes the one before", async () => {
    for (const step of [1, 2, 3, 4, 5]) await save(step, step, { keep: 0 });
    await mkdir(join(folder, "checkpoint-6.00ff.tmp"));
    const bytes = await readFile(join(folder, "checkpoint-5", "moments.safetensors"));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(join(folder, "checkpoint-5", "moments.safetensors"), bytes);
    await truncate(join(folder, "checkpoint-4", "generator.safetensors"), 9);
    await rm(join(folder, "checkpoint-3", "manifest.json"));
    await writeFile(join(folder, "checkpoint-2", "manifest.json"), "{");
    const lines: string[] = [];
    expect(await load(lines)).toMatchObject({ step: 1, value: 1 });
    expect(lines).toHaveLength(5);
    expect(lines[0]).toMatch(/checkpoint-6\.00ff\.tmp" is half-written/);
    expect(lines[1]).toMatch(/checkpoint-5" is damaged.*moments\.safetensors is not what was written/);
    expect(lines[2]).toMatch(/checkpoint-4" is damaged.*generator\.safetensors has 9 bytes/);
    expect(lines[3]).toMatch(/checkpoint-3" is damaged.*no manifest\.json/);
    expect(lines[4]).toMatch(/checkpoint-2" is damaged.*no JSON/);
    await rm(join(folder, "checkpoint-1", "state.json"));
    await expect(latestCheckpoint(folder, () => {})).rejects.toThrow(/None of the 5 checkpoints/);
  });

  it("leaves older ones and no debris where the disk fails", async () => {
    await save(1, 1);
    using a = torch.tensor([1]);
    // A name in a folder that is not there fails as a full disk does: in the middle of a save.
    const tensors = { "a.safetensors": new Map([["a", a]]), "no/b.safetensors": new Map([["a", a]]) };
    for (const beside of [true, false])
      await expect(saveCheckpoint(folder, 2, { tensors, state: {} }, { beside })).rejects.toThrow(
        /Cannot write.*checkpoint-2/,
      );
    expect(await names()).toEqual(["checkpoint-1", "latest"]);
    expect((await load())?.step).toBe(1);
  });

  it("reads the reference's, of which only the weights are known", async () => {
    const inner = join(folder, "checkpoint-7", "unwrapped_model");
    await mkdir(inner, { recursive: true });
    await writeTorchFile(join(inner, "pytorch_model.bin"), [
      { name: "a", dtype: "F32", shape: [1], data: Float32Array.of(3) },
    ]);
    await writeFile(join(folder, "checkpoint-7", "metadata.json"), '{"global_step": 7}');
    expect(await load()).toMatchObject({ step: 7, value: 3, weightsOnly: true, state: undefined });
  });
});

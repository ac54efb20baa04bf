import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { viewAs } from "./floats.js";
import { openTensorFile } from "./open.js";
import { dtypes, type HostTensor, type TensorData, type TensorFile } from "./tensor-file.js";
import { writeTorchFile } from "./torch-write.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-torch-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function all(file: TensorFile): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const name of file.tensors.keys()) values.set(name, await file.readFloat32(name));
  return values;
}

describe.skipIf(missing("rar_tiny/generator.safetensors"))(
  "files of the reference hold equal numbers",
  () => {
    const path = (name: string) => fixture(`rar_tiny/${name}`)!;

    it.each([
      ["generator.bin", "torch"],
      ["generator_legacy.bin", "torch-legacy"],
    ])("%s", async (name, format) => {
      await using expected = await openTensorFile(path("generator.safetensors"));
      await using file = await openTensorFile(path(name));
      expect(file.format).toBe(format);
      expect([...file.tensors.keys()].sort()).toEqual([...expected.tensors.keys()].sort());
      for (const info of expected.tensors.values()) expect(file.tensors.get(info.name)).toEqual(info);
      expect(await all(file)).toEqual(await all(expected));
    });

    it.each([
      ["generator_bf16.bin", "BF16", 2 ** -8],
      ["generator_fp16.bin", "F16", 2 ** -11],
      ["generator_shared.bin", "F16", 2 ** -11],
    ])("%s, rounded", async (name, dtype, relative) => {
      await using expected = await openTensorFile(path("generator.safetensors"));
      await using file = await openTensorFile(path(name));
      for (const [key, values] of await all(file)) {
        expect(file.tensors.get(key)).toEqual({ ...expected.tensors.get(key), dtype });
        const exact = await expected.readFloat32(key);
        const wrong = values.findIndex(
          (v, i) => Math.abs(v - exact[i]!) > relative * Math.abs(exact[i]!) + 2 ** -25,
        );
        expect(wrong, key).toBe(-1);
      }
    });

    it("tensors that share a storage, with strides and offsets, are those of their own file", async () => {
      await using own = await openTensorFile(path("generator_fp16.bin"));
      await using shared = await openTensorFile(path("generator_shared.bin"));
      expect(await all(shared)).toEqual(await all(own));
    });
  },
);

describe.each(["cifar10", "emoji", "vq_tiny"])("%s", (name) => {
  it.skipIf(missing(`${name}/tokenizer.bin`))("has finite weights, all of them", async () => {
    for (const part of ["generator.bin", "tokenizer.bin"]) {
      const path = fixture(`${name}/${part}`);
      if (path === undefined) continue;
      await using file = await openTensorFile(path);
      for (const [key, values] of await all(file)) {
        expect(values.every(Number.isFinite), key).toBe(true);
        expect(values.length, key).toBe(file.tensors.get(key)!.shape.reduce((a, b) => a * b, 1));
      }
    }
  });
});

/** One tensor of each type, of several ranks, an empty one and a scalar. */
function everyType(): HostTensor[] {
  const shapes = [[], [0], [3], [2, 3], [2, 1, 4], [2, 0, 3]];
  return dtypes.flatMap((dtype, d) =>
    shapes.map((shape, s): HostTensor => {
      const count = shape.reduce((a, b) => a * b, 1);
      const width = viewAs(dtype, new Uint8Array(8)).BYTES_PER_ELEMENT;
      const bytes = new Uint8Array(count * width).map((_, i) =>
        dtype === "BOOL" ? i & 1 : (i * 29 + d + s) & 0x7f,
      );
      return { name: `blocks.${d}.${dtype}.${s} ü`, dtype, shape, data: viewAs(dtype, bytes) };
    }),
  );
}
const hex = (data: TensorData): string =>
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex");

describe("writing", () => {
  it.each([false, true])("gives every type back bit for bit (64-bit zip: %s)", async (forceZip64) => {
    const path = join(folder, `types-${forceZip64}.bin`);
    const tensors = everyType();
    await writeTorchFile(path, tensors, { forceZip64 });
    await using file = await openTensorFile(path);
    expect(file.format).toBe("torch");
    expect([...file.tensors.keys()]).toEqual(tensors.map(({ name }) => name));
    for (const tensor of tensors) {
      const { data, ...info } = await file.read(tensor.name);
      expect({ ...info, hex: hex(data) }).toEqual({
        name: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
        hex: hex(tensor.data),
      });
    }
  });

  it("makes the same bytes of the same tensors", async () => {
    const [a, b] = [join(folder, "a.bin"), join(folder, "b.bin")];
    await writeTorchFile(a, everyType());
    await writeTorchFile(b, everyType());
    expect((await readFile(a)).equals(await readFile(b))).toBe(true);
  });
});

const python = "/usr/bin/python3";
const torchIsThere = spawnSync(python, ["-c", "import torch"]).status === 0;
if (!torchIsThere) console.warn("skipped: no PyTorch for Python at hand");

describe.skipIf(!torchIsThere)("beside PyTorch itself", () => {
  const run = async (program: string, ...args: string[]): Promise<string> =>
    (await promisify(execFile)(python, ["-c", program, ...args])).stdout;

  it("torch.load(weights_only=True) reads what we write", async () => {
    const path = join(folder, "ours.bin");
    const tensors = everyType();
    await writeTorchFile(path, tensors);
    const program = `
import sys, json, torch
state = torch.load(sys.argv[1], weights_only=True)
raw = lambda t: bytes(t.contiguous().view(torch.uint8).flatten().tolist()).hex() if t.numel() and t.dim() else None
print(json.dumps([[k, str(v.dtype), list(v.shape), raw(v)] for k, v in state.items()]))`;
    const loaded = JSON.parse(await run(program, path));
    expect(loaded.map(([name, , shape]: [string, string, number[]]) => [name, shape])).toEqual(
      tensors.map(({ name, shape }) => [name, shape]),
    );
    for (const [i, [name, , , raw]] of loaded.entries())
      if (raw !== null) expect(raw, name).toBe(hex(tensors[i]!.data));
  });

  it("we read what torch.save writes: every type, views, parameters, old format, pickle protocol 4", async () => {
    const program = `
import sys, collections, torch
base = torch.arange(60, dtype=torch.float64).reshape(3, 4, 5)
state = collections.OrderedDict()
for t in [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]:
    state[str(t)] = base.to(t)
state["bool"] = (base % 3 == 0)
state["transposed"] = base.permute(2, 0, 1)
state["part"] = base[1:, ::2, 1:4]
state["part of the same storage"] = base[0, 1]
state["empty"] = torch.zeros(2, 0)
state["scalar"] = torch.tensor(7.5)
state["parameter"] = torch.nn.Parameter(torch.arange(3.0))
state._metadata = collections.OrderedDict([("", dict(version=1))])
d = sys.argv[1]
torch.save(state, d + "/new.bin")
torch.save(state, d + "/old.bin", _use_new_zipfile_serialization=False)
torch.save(state, d + "/protocol4.bin", pickle_protocol=4)
torch.save({"model": state, "epoch": 3, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}, "param_groups": [{"lr": 0.1}]}}, d + "/nested.bin")
torch.save({"model": state, "ema": state}, d + "/two.bin")
torch.save(torch.nn.Linear(2, 2), d + "/module.bin")
torch.save(torch.zeros(3), d + "/tensor.bin")
torch.save({"x": torch.zeros(1).expand(4)}, d + "/expanded.bin")
torch.save({"x": torch.zeros(2, dtype=torch.complex64)}, d + "/complex.bin")
torch.save({"epoch": 3}, d + "/nothing.bin")`;
    await run(program, folder);
    const base = Array.from({ length: 60 }, (_, i) => i);
    const at = (z: number, y: number, x: number): number => 20 * z + 5 * y + x;
    const expected: Record<string, number[]> = {
      bool: base.map((v) => (v % 3 === 0 ? 1 : 0)),
      transposed: [0, 1, 2, 3, 4].flatMap((x) =>
        [0, 1, 2].flatMap((z) => [0, 1, 2, 3].map((y) => at(z, y, x))),
      ),
      part: [1, 2].flatMap((z) => [0, 2].flatMap((y) => [1, 2, 3].map((x) => at(z, y, x)))),
      "part of the same storage": [5, 6, 7, 8, 9],
      empty: [],
      scalar: [7.5],
      parameter: [0, 1, 2],
    };
    for (const name of ["new.bin", "old.bin", "protocol4.bin", "nested.bin"]) {
      await using file = await openTensorFile(join(folder, name));
      expect(file.tensors.size).toBe(16);
      for (const [key, values] of await all(file))
        expect([...values], `${name}: ${key}`).toEqual(expected[key] ?? base);
    }
    const refused: [string, RegExp][] = [
      ["two.bin", /holds several state dicts \("model", "ema"\)/],
      ["module.bin", /asks for "torch.nn.modules.linear.Linear".*nothing was executed/],
      ["tensor.bin", /a single tensor, not a state dict/],
      ["expanded.bin", /tensor "x" claims 4 elements, its storage has 1/],
      ["complex.bin", /asks for "torch.ComplexFloatStorage"/],
      ["nothing.bin", /holds no tensors, only "epoch"/],
    ];
    for (const [name, message] of refused)
      await expect(openTensorFile(join(folder, name)), name).rejects.toThrow(message);
  });
});

import { describe } from "vitest";
import { engineContract } from "../../testing/engine-contract.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { TorchEngine } from "./engine.js";

describe.skipIf(!haveLibtorch)("torch", () => {
  // Libraries choose other kernels for other numbers of rows, so the last bits of a picture depend on its mates.
  engineContract("torch", () => TorchEngine.create({ threads: 1 }), { exactInBatches: false });
});

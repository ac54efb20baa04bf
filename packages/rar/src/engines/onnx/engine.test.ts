import { engineContract } from "../../testing/engine-contract.js";
import { useTemporaryCache } from "../../testing/temporary.js";
import { OnnxEngine } from "./engine.js";

useTemporaryCache();

engineContract("onnx", () => new OnnxEngine({ threads: 2 }));

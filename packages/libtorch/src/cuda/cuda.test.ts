import { describe, expect, it } from "vitest";
import { cuda, isAvailable, liveTensors, ones } from "../index.js";

const noGpu = isAvailable() && !cuda.isAvailable();

// With every build: libtorch without CUDA, and one with CUDA on a machine without a GPU.
describe.skipIf(!noGpu)("CUDA where there is none", () => {
  const reason = /has no CUDA\. Run setup|finds no GPU\. `nvidia-smi`/;

  it("is not available", () => {
    expect(cuda.isAvailable()).toBe(false);
  });

  it.each<[string, () => unknown]>([
    ["synchronize", () => cuda.synchronize()],
    ["Stream", () => new cuda.Stream()],
    ["Stream.current", () => cuda.Stream.current("cuda:0")],
    ["Event", () => new cuda.Event()],
    ["Graph", () => new cuda.Graph()],
    ["memory", () => cuda.memory()],
    ["resetPeakMemory", () => cuda.resetPeakMemory("cuda:0")],
    ["compileKernels", () => cuda.compileKernels("", {})],
    ["emptyCache", () => cuda.emptyCache()],
    ["properties", () => cuda.properties()],
    ["setSyncDebug", () => cuda.setSyncDebug("error")],
  ])("%s says why", (_name, call) => {
    expect(call).toThrow(cuda.CudaMissingError);
    expect(call).toThrow(reason);
  });

  it("an operator on a device that is not there fails with PyTorch's sentence, and nothing is left", () => {
    const before = liveTensors().count;
    expect(() => ones([1], { device: "cuda" })).toThrow(/^ones: .*(CUDA|NVIDIA)/);
    expect(liveTensors().count).toBe(before);
  });

  it("wrong options are told first", () => {
    expect(() => new cuda.Graph({ warmUp: 0.5 })).toThrow(/whole number of at least 0, it is 0\.5/);
    expect(() => new cuda.Graph({ mode: "loose" as cuda.CaptureMode })).toThrow(
      /one of global, thread_local/,
    );
    expect(() => cuda.setSyncDebug("loud" as cuda.SyncDebugMode)).toThrow(/none of ignore, warn, error/);
  });
});

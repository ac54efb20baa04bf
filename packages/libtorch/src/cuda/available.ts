/** Whether CUDA can be used here, and why not. */
import { isAvailable as isLibtorchAvailable, native } from "../native.js";
import type { CudaNative } from "./addon.js";

/** Why CUDA, or this part of it, cannot be used here, with what to do. */
export class CudaMissingError extends Error {
  override readonly name = "CudaMissingError";
}

/** Whether libtorch is there, has CUDA, and finds a GPU. */
export const isAvailable = (): boolean => isLibtorchAvailable() && native().cudaDevices() > 0;

/** @internal The addon's CUDA functions, or an error that says why there are none. */
export function cudaNative(): CudaNative {
  const { cuda } = native();
  if (cuda && native().cudaDevices() > 0) return cuda;
  throw new CudaMissingError(whyNot());
}

function whyNot(): string {
  if (native().cudaDevices() > 0)
    return (
      "The addon was built without CUDA headers: cuda_runtime_api.h of libtorch's own CUDA version was not found. " +
      "Streams, events, graphs and memory statistics need it; tensors and operators on the GPU work without. " +
      "Install pip's nvidia-cuda-runtime or NVIDIA's toolkit of that version, and run setup again."
    );
  if (!/USE_CUDA=(ON|1)\b/.test(native().config()))
    return (
      `This libtorch (${native().compiledVersion}) has no CUDA. Run setup with one that has: ` +
      "`npm run setup -- --cuda`, or LIBTORCH naming its folder."
    );
  return (
    "This libtorch has CUDA, but finds no GPU. `nvidia-smi` shows whether NVIDIA's driver is there; " +
    "CUDA_VISIBLE_DEVICES must not hide the GPU, and the driver must be as new as libtorch's CUDA."
  );
}

/** Numbers on their way from a device to the host while the device goes on computing. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

/** Waits until they have come. What it returns is written over by the second copy from now. */
export type Arrive = () => Float32Array;

/**
 * Copies of float32 tensors, at most two at a time under way. On a CPU there is nothing to wait for. On CUDA they pass
 * through memory that the device reaches by itself, on a stream of their own.
 */
export class HostCopies {
  readonly #device: string;
  readonly #buffers = new Map<number, { tensor: Tensor; view: Float32Array }>();
  #side: torch.cuda.Stream | undefined;
  #turn = 0;

  constructor(device: string) {
    this.#device = device;
  }

  /** @param x - contiguous, float32; to be kept until it has arrived */
  begin(x: Tensor): Arrive {
    if (this.#device === "cpu") return () => x.memory() as Float32Array;
    this.#side ??= new torch.cuda.Stream({ device: this.#device });
    const side = this.#side;
    side.waitFor(torch.cuda.Stream.current(this.#device));
    const { size } = x;
    const { tensor, view } = this.#buffer(size);
    const done = new torch.cuda.Event();
    side.run(() => {
      torch.scope(() => void torch.copy_(torch.narrow(tensor, 0, 0, size), torch.view(x, [-1]), true));
      done.record(side);
    });
    return () => {
      done.synchronize();
      return view.subarray(0, size);
    };
  }

  /** One and the other in turn, each as large as was ever needed. */
  #buffer(size: number): { tensor: Tensor; view: Float32Array } {
    this.#turn = 1 - this.#turn;
    const had = this.#buffers.get(this.#turn);
    if (had && had.view.length >= size) return had;
    had?.tensor.dispose();
    const tensor = torch.keep(torch.empty([size], { dtype: "float32", pin_memory: true }));
    const made = { tensor, view: tensor.memory() as Float32Array };
    this.#buffers.set(this.#turn, made);
    return made;
  }

  dispose(): void {
    for (const { tensor } of this.#buffers.values()) tensor.dispose();
    this.#buffers.clear();
  }
}

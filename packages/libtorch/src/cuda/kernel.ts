/** Kernels of one's own, in CUDA C: compiled when the program runs by the compiler that libtorch brings, launched on its tensors. */
import { describeValue, slotOf, Tensor } from "../tensor.js";
import type { NativeKernel } from "./addon.js";
import { CudaMissingError, cudaNative } from "./available.js";

/** What a kernel's parameter is in CUDA C: a pointer to a tensor's numbers, or `int`, `long long`, `float`, `double`. */
export type ParameterType = "tensor" | "int" | "long" | "float" | "double";
/** null: a null pointer, in place of a tensor. */
export type KernelArgument = Tensor | number | null;

export interface CompileOptions {
  /** Default: the current device. The kernels run there only. */
  readonly device?: string | undefined;
  /** Macros, as `#define NAME value`. */
  readonly defines?: Readonly<Record<string, number | string>> | undefined;
  /** More of NVRTC's options, such as "--use_fast_math". */
  readonly options?: readonly string[] | undefined;
}

/** Up to three sizes; those left out are 1. */
export type Dimensions = number | readonly [x: number, y?: number, z?: number];

export interface LaunchOptions {
  /** Blocks. */
  readonly grid: Dimensions;
  /** Threads of a block. */
  readonly block: Dimensions;
  /** Bytes of dynamic shared memory. Default 0. */
  readonly shared?: number | undefined;
  /**
   * May start before the work queued ahead of it is done. The kernel must wait, with `griddepcontrol.wait`, before it
   * reads or writes what that work touches; every thread block of it must. From compute capability 9.0 and CUDA 12.3
   * on; elsewhere it starts in order, and its wait must be left out by `#if __CUDA_ARCH__ >= 900`.
   */
  readonly dependent?: boolean | undefined;
}

const letters: Readonly<Record<ParameterType, string>> = {
  tensor: "t",
  int: "i",
  long: "l",
  float: "f",
  double: "d",
};

export class Kernel {
  readonly name: string;
  readonly parameters: readonly ParameterType[];
  readonly #native: NativeKernel;
  readonly #kinds: string;

  /** @internal */
  constructor(name: string, parameters: readonly ParameterType[], native: NativeKernel) {
    this.name = name;
    this.parameters = parameters;
    this.#native = native;
    this.#kinds = parameters.map((type) => letters[type]).join("");
  }

  /**
   * Queues it on the current stream; a graph that is being captured records it. Tensors must be contiguous, and stay
   * alive until it has run, as PyTorch's allocator sees to within one stream.
   *
   * @throws {TypeError} for another number of arguments, or another type, than the kernel was compiled for
   * @throws {Error} when a tensor is elsewhere or not contiguous, or CUDA refuses the sizes
   */
  launch({ grid, block, shared = 0, dependent = false }: LaunchOptions, ...args: KernelArgument[]): void {
    if (args.length !== this.parameters.length)
      throw new TypeError(
        `${this.name} takes ${this.parameters.length} arguments, ${args.length} were given.`,
      );
    const values = Float64Array.from(args, (value, i) => this.#checked(value, i));
    const sizes = Int32Array.of(...three(grid), ...three(block), shared, dependent ? 1 : 0);
    try {
      cudaNative().launchKernel!(this.#native, sizes, this.#kinds, values);
    } catch (error) {
      throw new Error(`${this.name}: ${(error as Error).message}`, { cause: error });
    }
  }

  #checked(value: KernelArgument, i: number): number {
    const type = this.parameters[i]!;
    const where = `argument ${i} of the kernel ${this.name}`;
    if (type === "tensor") return value === null ? -1 : slotOf(value as Tensor, where);
    if (typeof value !== "number")
      throw new TypeError(
        `A number is wanted as ${where}, not ${value instanceof Tensor ? value : describeValue(value)}.`,
      );
    const whole = type === "int" || type === "long";
    // An int may be given as the bits of an unsigned one.
    if (
      whole &&
      !(Number.isSafeInteger(value) && (type === "long" || (value >= -(2 ** 31) && value < 2 ** 32)))
    )
      throw new TypeError(`A number that fits "${type}" is wanted as ${where}, not ${value}.`);
    return type === "int" ? value | 0 : value;
  }
}

function three(sizes: Dimensions): [number, number, number] {
  const [x, y = 1, z = 1] = typeof sizes === "number" ? [sizes] : sizes;
  for (const size of [x, y, z])
    if (!Number.isInteger(size) || size < 1 || size >= 2 ** 31)
      throw new RangeError(`A kernel is launched with whole numbers of blocks and threads, not ${sizes}.`);
  return [x, y, z];
}

/**
 * Compiles CUDA C for a device with NVRTC. Takes some tenths of a second; the same source with the same options is compiled once
 * a process. Neither CUDA's toolkit nor its headers are needed, so nothing may be included.
 *
 * @param source - kernels declared `extern "C" __global__ void`
 * @param kernels - their names, each with the types of its parameters
 * @throws {CudaMissingError} where there is no CUDA, or the addon was built without its headers
 * @throws {Error} with the compiler's log when the source does not compile, or when the compiler is not there
 */
export function compileKernels<Name extends string>(
  source: string,
  kernels: Readonly<Record<Name, readonly ParameterType[]>>,
  { device = "cuda", defines = {}, options = [] }: CompileOptions = {},
): Readonly<Record<Name, Kernel>> {
  const native = cudaNative();
  if (!native.compileKernels)
    throw new CudaMissingError(
      "The addon was built without cuda.h, which kernels of one's own need. Install pip's nvidia-cuda-runtime or NVIDIA's " +
        "toolkit of libtorch's CUDA version, and run setup again.",
    );
  const names = Object.keys(kernels) as Name[];
  const macros = Object.entries(defines).map(([name, value]) => `--define-macro=${name}=${value}`);
  const found = native.compileKernels(
    source,
    ["--std=c++17", ...macros, ...options],
    names,
    native.deviceIndex(device),
  );
  const made = names.map((name, i) => [name, new Kernel(name, kernels[name], found[i]!)] as const);
  return Object.fromEntries(made) as Record<Name, Kernel>;
}

/** The kernels as one WebAssembly module, and what a thread calls. */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { EPSILON } from "../../networks/block.js";
import { barrier } from "./barrier.js";
import { encodeModule, Func, i16x8, V128, v128 } from "./code.js";
import { floatProduct, floatProductName, int8Product, int8ProductName } from "./products.js";
import { addBias, addGated, biasGelu, normalise, quantise, softmax, storeKeyValue } from "./rows.js";
import { type Memory, type Module, WebAssembly } from "./webassembly.js";

export const PAGE = 65536;
/** 4 GiB: what 32-bit addresses reach. */
export const MAXIMUM_PAGES = 65536;

/** Rows of a product and the tiles read at once: as many sums as registers hold, or nearly. */
const INT8_KERNELS: readonly { rows: number; streams: number }[] = [
  { rows: 1, streams: 8 },
  { rows: 2, streams: 8 },
  { rows: 4, streams: 4 },
];
/** The same for a lone row in float32, the most first. */
const FLOAT_STREAMS = [8, 4, 1] as const;

type Call = (...numbers: number[]) => void;

export interface Kernels {
  /** Whole products of a number of rows: the largest first. */
  readonly int8: readonly { rows: number; streams: number; many: Call; one: Call }[];
  readonly float: readonly { streams: number; call: Call }[];
  readonly normalise: Call;
  readonly quantise: Call;
  readonly softmax: Call;
  readonly biasGelu: Call;
  readonly addBias: Call;
  readonly addGated: Call;
  readonly storeKeyValue: Call;
  readonly barrier: Call;
}

/** One instruction decides: products of bytes came with relaxed SIMD, which V8 has by default since Node 22. */
function probe(): boolean {
  const f = new Func("probe", 0);
  const v = f.local(V128);
  f.body(v.set(i16x8.dotI8U7(v128.zero, v128.zero)));
  return WebAssembly.validate(encodeModule([f], 1));
}

let relaxed: boolean | undefined;
/** Whether this Node can run the kernels; switches the instruction on where V8 has it behind a flag (Node 20). */
export function kernelsRun(): boolean {
  if (relaxed === undefined) {
    relaxed = probe();
    if (!relaxed) {
      setFlagsFromString("--experimental-wasm-relaxed-simd");
      relaxed = probe();
    }
  }
  return relaxed;
}

const V8 = Number.parseInt(process.versions.v8, 10);
/** V8 11 (Node 20) gets a product of bytes with its sum wrong where its first compiler made the code (docs/log.md). */
export const DOT_IS_RIGHT = V8 >= 12;

/**
 * Whether V8 turns a product of bytes with its sum into one instruction of this processor. Elsewhere it takes several, with a
 * constant of ones made anew in each, which two instructions of ours avoid. Both give the same numbers.
 */
export function dotIsOneInstruction(): boolean {
  if (process.arch === "arm64") return DOT_IS_RIGHT;
  if (process.arch !== "x64" || V8 < 13) return false;
  try {
    return /^flags.* avx_vnni( |$)/m.test(readFileSync("/proc/cpuinfo", "latin1"));
  } catch {
    return false; // not Linux: nothing tells
  }
}

/** The module, compiled once a process and sent to its threads. */
export function compileKernels(dotInOne = dotIsOneInstruction()): Module {
  if (!kernelsRun()) throw new TypeError("this Node.js has no relaxed SIMD in WebAssembly");
  const functions = [
    ...INT8_KERNELS.flatMap(({ rows, streams }) => [
      int8Product(rows, streams, dotInOne),
      int8Product(rows, 1, dotInOne),
    ]),
    ...FLOAT_STREAMS.map(floatProduct),
    normalise(EPSILON),
    quantise(),
    softmax(),
    biasGelu(),
    addBias(),
    addGated(),
    storeKeyValue(),
    barrier(),
  ];
  return new WebAssembly.Module(encodeModule(functions, MAXIMUM_PAGES));
}

/** The module's functions on a memory, for the calling thread. */
export function instantiate(module: Module, memory: Memory): Kernels {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const call = (name: string): Call => exports[name] as Call;
  return {
    int8: [...INT8_KERNELS].reverse().map(({ rows, streams }) => ({
      rows,
      streams,
      many: call(int8ProductName(rows, streams)),
      one: call(int8ProductName(rows, 1)),
    })),
    float: FLOAT_STREAMS.map((streams) => ({ streams, call: call(floatProductName(streams)) })),
    normalise: call("normalise"),
    quantise: call("quantise"),
    softmax: call("softmax"),
    biasGelu: call("biasGelu"),
    addBias: call("addBias"),
    addGated: call("addGated"),
    storeKeyValue: call("storeKeyValue"),
    barrier: call("barrier"),
  };
}

/** The addon's CUDA functions, there only where it was compiled with CUDA's headers. */

declare const kind: unique symbol;
/** Objects of C++: freed when they are collected. */
export type NativeStream = { readonly [kind]: "stream" };
export type NativeEvent = { readonly [kind]: "event" };
export type NativeGraph = { readonly [kind]: "graph" };
export type NativeKernel = { readonly [kind]: "kernel" };
/** What to return to when a stream is left. */
export type NativeBefore = { readonly [kind]: "before" };

export interface CudaNative {
  synchronize(device: string): void;
  setSyncDebug(mode: number): void;

  stream(device: string, highPriority: boolean): NativeStream;
  currentStream(device: string): NativeStream;
  enterStream(stream: NativeStream): NativeBefore;
  leaveStream(before: NativeBefore): void;
  synchronizeStream(stream: NativeStream): void;
  queryStream(stream: NativeStream): boolean;
  recordStream(slot: number, stream: NativeStream): void;

  event(timing: boolean): NativeEvent;
  recordEvent(event: NativeEvent, stream: NativeStream): void;
  waitEvent(event: NativeEvent, stream: NativeStream): void;
  synchronizeEvent(event: NativeEvent): void;
  elapsed(from: NativeEvent, to: NativeEvent): number;

  graph(): NativeGraph;
  captureBegin(graph: NativeGraph, pool: NativeGraph | undefined, mode: number): void;
  captureEnd(graph: NativeGraph): void;
  replay(graph: NativeGraph): void;
  resetGraph(graph: NativeGraph): void;

  memory(device: string): number[];
  resetPeakMemory(device: string): void;
  emptyCache(): void;
  properties(device: string): [name: string, ...numbers: number[]];
  deviceIndex(device: string): number;

  /** Absent where cuda.h was missing. */
  compileKernels?(
    source: string,
    options: readonly string[],
    names: readonly string[],
    device: number,
  ): NativeKernel[];
  launchKernel?(kernel: NativeKernel, sizes: Int32Array, kinds: string, values: Float64Array): void;
}

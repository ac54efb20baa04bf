/** WebAssembly as Node has it: its types come with a browser's, which this program does not have. */

export interface Memory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}
/** A compiled module; any thread may instantiate it. */
export interface Module {
  readonly [Symbol.toStringTag]: string;
}

interface Api {
  readonly Memory: new (options: { initial: number; maximum: number; shared: true }) => Memory;
  readonly Module: new (bytes: Uint8Array) => Module;
  readonly Instance: new (
    module: Module,
    imports: { env: { memory: Memory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  validate(bytes: Uint8Array): boolean;
}

export const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: Api };

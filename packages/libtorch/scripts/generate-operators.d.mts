/** Types of what the generator's tests use of it. */
import type { Native } from "../src/native.js";

export interface ListEntry {
  readonly name: string;
  readonly overloads: readonly { readonly base: string; readonly overload: string }[];
}
export interface Argument {
  readonly name: string;
  readonly base: string;
  readonly list: boolean;
  readonly optional: boolean;
  readonly fallback: string | undefined;
  readonly keyword: boolean;
}
export interface SchemaRecord {
  readonly libtorch: string;
  readonly schemas: Readonly<Record<string, string>>;
}

export function readList(text?: string): readonly ListEntry[];
export function parseSchema(schema: string): { readonly args: readonly Argument[] };
export function readRecord(): SchemaRecord;
export function generateFile(record: SchemaRecord): string;
export function readSchemas(native: Native): Readonly<Record<string, string | null>>;

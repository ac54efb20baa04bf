/** Holds a weights file against an architecture: every tensor there, none too many, each of its shape. */
import type { GeneratorConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { presetLike } from "../config/presets.js";
import { networkOf, recogniseGenerator } from "../config/recognise.js";
import type { NamedShape } from "../config/shapes.js";
import { quote } from "./bad-file.js";
import type { TensorInfo } from "./tensor-file.js";

/** Names listed of each kind of difference. */
const listed = 5;

/**
 * @param file - how errors call the file
 * @param wanted - how errors call what asks for these shapes, such as `preset "rar-b"`
 * @param options - `quantized`: the file stores int8 with scales, which its reader widens
 * @throws {RarityError} "bad-file" naming missing and extra tensors, wrong shapes and types, and the preset that fits
 */
export function checkTensors(
  file: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  shapes: readonly NamedShape[],
  wanted: string,
  { quantized = false }: { readonly quantized?: boolean } = {},
): void {
  const expected = new Map(shapes.map(({ name, shape }) => [name, shape]));
  const missing = shapes.filter(({ name }) => !tensors.has(name)).map(({ name }) => quote(name));
  const extra = [...tensors.keys()].filter((name) => !expected.has(name)).map(quote);
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const [name, { shape, dtype }] of tensors) {
    const needed = expected.get(name);
    if (needed === undefined) continue;
    if (shape.length !== needed.length || shape.some((size, axis) => size !== needed[axis]))
      misshapen.push(
        `${quote(name)} is [${shape.join(", ")}], ${misshapen.length > 0 ? "not" : `${wanted} needs`} [${needed.join(", ")}]`,
      );
    else if (!floating.has(dtype) && !(quantized && dtype === "I8"))
      mistyped.push(`${quote(name)} is ${dtype}, weights are floating-point`);
  }
  const problems = [
    ...listing("", misshapen),
    ...listing("", mistyped),
    ...listing("missing ", missing),
    ...listing("not expected ", extra),
  ];
  if (problems.length === 0) return;
  throw new RarityError(
    "bad-file",
    `Cannot load ${quote(file)}: ${problems.join("; ")}. ${cure(tensors, wanted)}`,
  );
}

const floating: ReadonlySet<string> = new Set(["F64", "F32", "F16", "BF16"]);

function listing(what: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const more = items.length > listed ? ` (and ${items.length - listed} more)` : "";
  return [`${what}${items.slice(0, listed).join(", ")}${more}`];
}

function cure(tensors: ReadonlyMap<string, TensorInfo>, wanted: string): string {
  const network = networkOf(tensors);
  if (network === "generator") {
    const sizes = recogniseGenerator(tensors);
    const preset = sizes && presetLike(sizes);
    if (preset && preset !== "debug" && !wanted.includes(`"${preset}"`))
      return `Did you mean the ${preset.toUpperCase()} preset?`;
    if (sizes)
      return `The file's own sizes: ${sizesInWords(sizes)}. Correct the configuration, or take another file.`;
    return "It is a generator of RAR with parts missing or changed. Take another file.";
  }
  if (network === "tokenizer") return "It is a tokenizer of another architecture, or with parts missing.";
  const prefix = commonPrefix([...tensors.keys()]);
  if (prefix !== "") return `All its names begin with ${quote(prefix)}: save the inner model's state dict.`;
  return "It holds another network, or is no plain state dict.";
}

/** `module.` and the like, which training wrappers put before every name. */
function commonPrefix(names: readonly string[]): string {
  const first = /^[\w-]+\./.exec(names[0] ?? "")?.[0] ?? "";
  return first !== "" && names.every((name) => name.startsWith(first)) ? first : "";
}

const sizesInWords = (c: GeneratorConfig): string =>
  [
    `hidden_size ${c.width}`,
    `num_hidden_layers ${c.depth}`,
    `num_attention_heads ${c.heads}`,
    `intermediate_size ${c.mlpWidth}`,
    `codebook_size ${c.codebookSize}`,
    `image_seq_len ${c.tokens}`,
    `condition_num_classes ${c.classes}`,
  ].join(", ");

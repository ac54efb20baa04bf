import { describe, expect, it } from "vitest";
import { presets } from "../config/presets.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import { checkTensors } from "./model-folder-check.js";
import type { TensorInfo } from "./tensor-file.js";

const infos = (shapes: ReturnType<typeof generatorShapes>) =>
  new Map(shapes.map(({ name, shape }): [string, TensorInfo] => [name, { name, shape, dtype: "F32" }]));
const rarB = generatorShapes(presets["rar-b"].generator);

describe("checkTensors", () => {
  it("accepts what fits", () => {
    expect(() => checkTensors("x.bin", infos(rarB), rarB, 'preset "rar-b"')).not.toThrow();
  });

  it("asks for the preset whose widths the file has", () => {
    const rarL = infos(generatorShapes(presets["rar-l"].generator));
    expect(() => checkTensors("x.bin", rarL, rarB, 'preset "rar-b"')).toThrow(
      /^Cannot load "x\.bin": "cls_token" is \[1, 1, 1024\], preset "rar-b" needs \[1, 1, 768\].*\(and \d+ more\)\. Did you mean the RAR-L preset\?$/,
    );
  });

  it("lists what another depth lacks or has too many, cut to a readable length", () => {
    const shallow = infos(generatorShapes({ ...presets["rar-b"].generator, depth: 23 }));
    expect(() => checkTensors("x.bin", shallow, rarB, "it")).toThrow(
      /missing "blocks\.23\.norm1\.weight".*\(and 13 more\)/,
    );
    expect(() =>
      checkTensors("x.bin", infos(rarB), generatorShapes({ ...presets["rar-b"].generator, depth: 23 }), "it"),
    ).toThrow(/not expected "blocks\.23.*Did you mean the RAR-B preset/);
  });

  it("tells a tokenizer from a generator", () => {
    const vq = infos(tokenizerShapes(presets["rar-b"].tokenizer));
    expect(() => checkTensors("x.bin", vq, rarB, "it")).toThrow(/It is a tokenizer/);
    expect(() => checkTensors("x.bin", new Map(), rarB, "it")).toThrow(/no plain state dict/);
  });
});

/** src/operators.ts is what its generator makes, and the schemas it was made from are those of libtorch. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  type Argument,
  generateFile,
  parseSchema,
  readList,
  readRecord,
  readSchemas,
} from "../scripts/generate-operators.mjs";
import { native } from "../src/native.js";
import * as operators from "../src/operators.js";
import { runtimeInfo } from "../src/runtime.js";
import { describeWithLibtorch } from "../src/testing/suite.js";

const argumentsOf = (schema: string): readonly Argument[] => parseSchema(schema).args;
const record = readRecord();
const committed = readFileSync(new URL("../src/operators.ts", import.meta.url), "utf8");

describe("operators.ts", () => {
  it("is what the generator prints", () => {
    const script = fileURLToPath(new URL("../scripts/generate-operators.mjs", import.meta.url));
    const printed = execFileSync(process.execPath, [script, "--print"], { encoding: "utf8" });
    expect(printed).toBe(committed);
    expect(generateFile(record)).toBe(committed);
  });

  it("has one function for each entry of the list, and nothing else", () => {
    expect(Object.keys(operators).toSorted()).toEqual(
      readList()
        .map(({ name }) => name)
        .toSorted(),
    );
  });
});

describe("a schema's parts", () => {
  it.each<[string, string]>([
    ["(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "self:Tensor other:Tensor *alpha:Scalar=1"],
    ["(SymInt[] size, *, ScalarType? dtype=None) -> Tensor", "size:SymInt[] *dtype:ScalarType?=None"],
    ["(Tensor(a!)[] self, Tensor? x) -> ()", "self:Tensor[] x:Tensor?"],
    ["(Tensor self, Tensor?[] indices) -> Tensor", "self:Tensor indices:Tensor[]"],
    ["(Tensor self, int[1]? dim=None) -> Tensor", "self:Tensor dim:int[]?=None"],
    ["(Tensor x, SymInt[2] stride=[1, 1]) -> Tensor", "x:Tensor stride:SymInt[]=[1, 1]"],
    ['(Tensor(a -> *) self, str UPLO="L") -> Tensor(a)[]', 'self:Tensor UPLO:str="L"'],
  ])("%s", (schema, parts) => {
    const text = argumentsOf(`aten::f${schema}`).map(
      ({ name, base, list, optional, fallback, keyword }) =>
        `${keyword ? "*" : ""}${name}:${base}${list ? "[]" : ""}${optional ? "?" : ""}${fallback === undefined ? "" : `=${fallback}`}`,
    );
    expect(text.join(" ")).toBe(parts);
  });
});

describeWithLibtorch("schemas.json and this libtorch", () => {
  const newer = () => runtimeInfo().version.localeCompare(record.libtorch, "en", { numeric: true }) >= 0;

  it("agree to the letter where it is as new", (context) => {
    if (!newer()) context.skip(`libtorch ${runtimeInfo().version} is older than ${record.libtorch}`);
    expect(readSchemas(native())).toEqual(record.schemas);
  });

  it("agree in what calls rely on where it is older: names and kinds of arguments", () => {
    const live = readSchemas(native());
    const kind = ({ base, list }: Argument): string => `${base.replace("SymInt", "int")}${list ? "[]" : ""}`;
    const problems: string[] = [];
    for (const [name, schema] of Object.entries(live)) {
      if (schema === null) continue;
      const ours = new Map(argumentsOf(record.schemas[name]!).map((argument) => [argument.name, argument]));
      for (const argument of argumentsOf(schema)) {
        const our = ours.get(argument.name);
        if (!our) problems.push(`${name}: "${argument.name}" is not passed`);
        // a Scalar was an int once (correction of variance): whole numbers serve both
        else if (kind(our) !== kind(argument) && !(kind(our) === "Scalar" && kind(argument) === "int"))
          problems.push(`${name}: "${argument.name}" is ${kind(argument)}, not ${kind(our)}`);
      }
    }
    expect(problems).toEqual([]);
  });
});

// Makes src/operators.ts from operators.txt and the schemas in schemas.json.
//   node scripts/generate-operators.mjs            writes src/operators.ts
//   node scripts/generate-operators.mjs --read     first reads schemas.json anew from the libtorch that is set up, which
//                                                  has to be at least as new as the one it was read from
//   node scripts/generate-operators.mjs --print    prints the file instead
import { readFileSync, writeFileSync } from "node:fs";

const file = (name) => new URL(`../${name}`, import.meta.url);

/** [{ name, overloads: [{ base, overload }] }] of the allow-list. */
export function readList(text = readFileSync(file("operators.txt"), "utf8")) {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [overloads, alias] = line.trim().split(" as ");
      const parts = overloads.split(" ").map((full) => {
        const [base, overload = ""] = full.split(".");
        return { base, overload };
      });
      return { name: alias ?? parts[0].base, overloads: parts };
    });
}

/** "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor" -> its parts */
export function parseSchema(schema) {
  const [, given, returned] = /^aten::[\w.]+\((.*)\) -> (.*)$/.exec(schema);
  let keyword = false;
  const args = [];
  for (const part of given === "" ? [] : splitTop(given)) {
    if (part === "*") {
      keyword = true;
      continue;
    }
    const [, type, name, , fallback] = /^(\S+(?:\([^)]*\))?\S*) (\w+)(=(.*))?$/.exec(part);
    args.push({ ...parseType(type), name, fallback, keyword });
  }
  const returns = returned === "()" ? [] : splitTop(returned.replace(/^\((.*)\)$/, "$1"));
  return { args, returns: returns.map((r) => parseType(r.split(" ")[0])) };
}

function splitTop(text) {
  const parts = [""];
  let depth = 0;
  for (const c of text) {
    if ("([".includes(c)) depth++;
    if (")]".includes(c)) depth--;
    if (c === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts.map((p) => p.trim());
}

function parseType(text) {
  const alias = /\((\w+)(!?)[^)]*\)/.exec(text);
  const type = text.replace(/\([^)]*\)/, "");
  const [, base, inner, list, , optional] = /^(\w+)(\?)?(\[(\d*)\])?(\?)?$/.exec(type);
  const length = /\[(\d+)\]/.exec(type)?.[1];
  const isOptional = optional === "?" || (inner === "?" && list === undefined);
  return {
    base,
    list: list !== undefined,
    length: length === undefined ? undefined : Number(length),
    elementOptional: inner === "?" && list !== undefined,
    optional: isOptional,
    writes: alias?.[2] === "!",
  };
}

/** Arguments that TypeScript does not offer, as there is one sensible value; it is named where the schema has no default. */
const hidden = {
  layout: undefined,
  generator: undefined,
  out_int32: undefined,
  sparse: undefined,
  sparse_grad: undefined,
  scale_grad_by_freq: undefined,
  implicit: undefined,
  cudnn_enable: undefined,
  cudnn_enabled: "true",
};

const plain = {
  Tensor: "Tensor",
  int: "number",
  SymInt: "number",
  float: "number",
  bool: "boolean",
  Scalar: "number",
  str: "string",
  ScalarType: "DType",
  Device: "string",
  MemoryFormat: "MemoryFormat",
};

function typeScript(arg) {
  if (arg.name === "reduction") return "Reduction";
  const base = plain[arg.base];
  if (!base) throw new Error(`no TypeScript type for ${arg.base}`);
  if (!arg.list) return arg.optional ? `${base} | null` : base;
  const list = `readonly ${arg.elementOptional ? "(Tensor | null)" : base}[]`;
  const some = arg.length !== undefined ? `number | ${list}` : list;
  return arg.optional ? `${some} | null` : some;
}

/** How an argument is handed to the addon. */
function send(arg, value, name) {
  const none = arg.optional || arg.fallback !== undefined;
  const slot = `slotOf(${value}, "${arg.name} of ${name}")`;
  if (arg.base === "Tensor" && arg.list) return `slotsOf(${value}, "${arg.name} of ${name}")`;
  if (arg.base === "Tensor")
    return none ? `${value} === undefined || ${value} === null ? ${value} : ${slot}` : slot;
  if (arg.name === "reduction") return `reductionCode(${value})`;
  if (arg.base === "ScalarType") return `dtype(${value})`;
  if (arg.base === "MemoryFormat") return `memoryFormat(${value})`;
  return value;
}

const required = (arg) => arg.fallback === undefined && !arg.optional;
const offered = (arg) => !Object.hasOwn(hidden, arg.name);
const given = (schema) => schema.args.filter(offered);
/** Arguments that go to the addon. */
const sent = (schema) => schema.args.filter((a) => offered(a) || (required(a) && hidden[a.name]));
const optionsOf = (schema) => given(schema).filter((a) => a.keyword);
const positional = (schema) => given(schema).filter((a) => !a.keyword);

function returnType(schema) {
  if (schema.returns.length === 0) return "void";
  const types = schema.returns.map((r) => `${plain[r.base]}${r.list ? "[]" : ""}`);
  return types.length === 1 ? types[0] : `[${types.join(", ")}]`;
}

/** Factories make float32 unless told otherwise: JavaScript's 1.0 is no sign of a fraction. */
const isFactory = (schema) =>
  !schema.args.some((a) => a.base === "Tensor") && schema.args.some((a) => a.name === "dtype");
function factoryType(name) {
  if (name === "arange") return "rangeType(start, end, step)";
  return /^(randint|randperm)$/.test(name) ? '"int64"' : '"float32"';
}

function call(name, part, schema) {
  const values = sent(schema).map((a) => {
    if (!offered(a)) return hidden[a.name];
    const value = a.keyword ? `options.${a.name}` : safe(a.as ?? a.name);
    if (isFactory(schema) && a.name === "dtype") return `dtype(options.dtype ?? ${factoryType(name)})`;
    if (a.name === "stable") return `${value} ?? true`; // what the function is called after
    return send(a, value, name);
  });
  return `${handle(name, part)}()(${values.join(", ")})`;
}

const reserved = new Set(["var", "default", "function", "return", "in", "with", "dtype"]);
const safe = (name) => (reserved.has(name) ? `${name}_` : name);
const handle = (name, { overload }) => `$${name}${overload === "" ? "" : `_${overload}`}`;
const optionsSet = (name) => `${name}$options`;

/** Which of two overloads is meant: by the type of an argument, or by whether a further one is there. */
function choose(schemas) {
  const [a, b] = schemas.map(positional);
  const at = a.findIndex((arg, i) => b[i] && arg.base !== b[i].base);
  if (at >= 0) {
    const tensorFirst = a[at].base === "Tensor";
    if (!tensorFirst && b[at].base !== "Tensor") throw new Error("overloads differ in no tensor");
    return { at, condition: `${safe(a[at].name)} instanceof Tensor`, tensor: tensorFirst ? 0 : 1 };
  }
  if (b.length > a.length) {
    const condition = b.slice(a.length).map((arg) => `${safe(arg.name)} !== undefined`);
    return { extra: a.length, condition: condition.join(" || "), tensor: 1 };
  }
  throw new Error("overloads that cannot be told apart");
}

function generate({ name, overloads }, schemas) {
  const parsed = overloads.map(({ base, overload }) => {
    const schema = schemas[`${base}${overload === "" ? "" : `.${overload}`}`];
    if (!schema) throw new Error(`${base}.${overload} is not in schemas.json: run with --read`);
    return parseSchema(schema);
  });
  // add.Scalar takes alpha by position, add.Tensor by name only: by name in both
  const byName = new Set(parsed.flatMap((s) => optionsOf(s).map((a) => a.name)));
  for (const schema of parsed) for (const arg of schema.args) arg.keyword ||= byName.has(arg.name);
  const lines = overloads.map(
    (part, i) =>
      `const ${handle(name, part)} = operator("${part.base}", "${part.overload}", "${sent(parsed[i])
        .map((a) => a.name)
        .join(" ")}");`,
  );
  const choice = parsed.length === 2 ? choose(parsed) : undefined;
  // overloads may call the argument that tells them apart differently: the first one's name stands for both
  if (choice?.at !== undefined) positional(parsed[1])[choice.at].as = positional(parsed[0])[choice.at].name;
  const longest = parsed.at(-1).args.length >= parsed[0].args.length ? parsed.at(-1) : parsed[0];
  const args = positional(longest).map((arg, i) => {
    let type = typeScript(arg);
    if (choice && choice.at === i) type = "Tensor | number";
    const optional = arg.fallback !== undefined || choice?.extra === i;
    return { arg, text: `${safe(arg.as ?? arg.name)}${optional ? "?" : ""}: ${type}`, optional };
  });
  // what TypeScript cannot leave out in the middle, it takes as undefined
  for (let i = 0; i < args.length; i++)
    if (args[i].optional && args.slice(i).some((later) => !later.optional))
      args[i].text = args[i].text.replace("?:", ":").replace(/$/, " | undefined");
  const options = new Map(parsed.flatMap((s) => optionsOf(s).map((a) => [a.name, a])));
  const needed = [...options.values()].some(required);
  const texts = args.map((a) => a.text);
  if (options.size > 0) {
    const fields = [...options.values()].map((a) =>
      required(a)
        ? `${a.name}: ${typeScript(a)}`
        : `${a.name}?: ${typeScript({ ...a, optional: false })} | undefined`,
    );
    texts.push(`options: { ${fields.join("; ")} }${needed ? "" : " = {}"}`);
  }
  const self = parsed[0].returns[0]?.writes ? safe(positional(parsed[0])[0].name) : undefined;
  const result = self && parsed[0].returns.length === 1 ? "Tensor" : returnType(parsed[0]);
  const calls = parsed.map((schema, i) => call(name, overloads[i], schema));
  const optionNames = [...options.keys()];
  if (options.size > 0)
    lines.push(`const ${optionsSet(name)} = new Set(${JSON.stringify(optionNames).replaceAll(",", ", ")});`);
  const chosen = choice
    ? `${choice.condition} ? ${calls[choice.tensor]} : ${calls[1 - choice.tensor]}`
    : calls[0];
  lines.push(
    "/**",
    ...overloads.map(
      ({ base, overload }) => ` * \`${schemas[`${base}${overload === "" ? "" : `.${overload}`}`]}\``,
    ),
    " */",
    `export function ${safe(name)}(${texts.join(", ")}): ${result} {`,
    `  if (arguments.length > ${texts.length}) tooMany("${name}", ${texts.length}, arguments.length);`,
  );
  if (options.size > 0)
    lines.push(
      `  if (arguments.length === ${texts.length}) checkOptions("${name}", options, ${optionsSet(name)});`,
    );
  if (result === "void") lines.push(`  ${chosen};`);
  else if (self) lines.push(`  ${chosen};`, `  return ${self};`);
  else if (result === "Tensor") lines.push(`  return adopt(${chosen});`);
  else if (result === "Tensor[]" || result.startsWith("[Tensor"))
    lines.push(`  return adoptList(${chosen})${result === "Tensor[]" ? "" : ` as ${result}`};`);
  else lines.push(`  return ${chosen} as ${result};`);
  lines.push("}", "");
  return lines.join("\n");
}

/** schemas.json: { libtorch: the version they were read from, schemas: { "add.Tensor": "aten::add.Tensor(...)" } } */
export const readRecord = () => JSON.parse(readFileSync(file("schemas.json"), "utf8"));

export function generateFile({ schemas }) {
  const head = [
    "// Generated from operators.txt by scripts/generate-operators.mjs; do not edit.",
    "/** PyTorch's operators under their own names. Positional arguments first, keyword arguments as an object. */",
    'import type { DType } from "./dtype.js";',
    "import {",
    "  checkOptions,",
    "  dtype,",
    "  type MemoryFormat,",
    "  memoryFormat,",
    "  operator,",
    "  rangeType,",
    "  type Reduction,",
    "  reductionCode,",
    "  tooMany,",
    '} from "./operator.js";',
    'import { adopt, adoptList, slotOf, slotsOf, Tensor } from "./tensor.js";',
    "",
    "",
  ].join("\n");
  return (
    head +
    readList()
      .map((entry) => generate(entry, schemas))
      .join("\n")
  );
}

/** Schemas of the allow-list as a libtorch has them; null for operators it lacks. */
export function readSchemas(native) {
  const schemas = {};
  for (const { overloads } of readList())
    for (const { base, overload } of overloads)
      schemas[`${base}${overload === "" ? "" : `.${overload}`}`] = native.schemaOf(`aten::${base}`, overload);
  return schemas;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  if (process.argv.includes("--read")) {
    const { native } = await import("../dist/native.js");
    const libtorch = native().compiledVersion;
    const before = readRecord().libtorch;
    if (libtorch.localeCompare(before, "en", { numeric: true }) < 0)
      throw new Error(`schemas.json was read from libtorch ${before}, and this is ${libtorch}`);
    const schemas = readSchemas(native());
    const absent = Object.keys(schemas).filter((name) => schemas[name] === null);
    if (absent.length > 0) throw new Error(`this libtorch lacks ${absent.join(", ")}`);
    writeFileSync(file("schemas.json"), `${JSON.stringify({ libtorch, schemas }, undefined, 1)}\n`);
  }
  const text = generateFile(readRecord());
  if (process.argv.includes("--print")) process.stdout.write(text);
  else writeFileSync(file("src/operators.ts"), text);
}

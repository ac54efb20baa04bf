// Fails when an import points against the arrows of docs/architecture.md.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = "packages/rar/src";
/** What each room may import, besides itself. */
const allowed = {
  config: [],
  weights: ["config"],
  images: ["config"],
  networks: ["config"],
  drawing: ["config"],
  engines: ["networks", "drawing", "config", "weights"],
  sampling: ["engines", "drawing", "networks", "config"],
  data: ["images", "weights", "config", "sampling", "drawing", "engines", "networks"],
  training: ["data", "images", "sampling", "drawing", "engines", "networks", "config", "weights"], // images: sample grids and curves
  evaluation: ["data", "images", "sampling", "drawing", "engines", "networks", "config", "weights"],
  launch: ["config"], // starts ranks as processes, whatever they run
  bench: ["sampling", "drawing", "engines", "networks", "config", "weights"],
  verify: ["training", "data", "images", "sampling", "drawing", "engines", "networks", "config", "weights"],
  "pipeline-types.ts": ["config", "engines", "sampling", "drawing", "images"],
  "pipeline.ts": [
    "pipeline-types.ts",
    "sampling",
    "drawing",
    "engines",
    "networks",
    "config",
    "weights",
    "images",
  ],
  "index.ts": [
    "pipeline.ts",
    "pipeline-types.ts",
    "sampling",
    "drawing",
    "engines",
    "networks",
    "config",
    "weights",
    "images",
  ],
  cli: [
    "index.ts",
    "pipeline.ts",
    "verify",
    "bench",
    "launch",
    "training",
    "evaluation",
    "data",
    "sampling",
    "drawing",
    "engines",
    "networks",
    "config",
    "weights",
    "images",
  ],
  testing: null, // test helpers may see everything, and nothing but tests may see them
};
const packages = {
  "onnxruntime-node": ["engines/onnx"],
  libtorch: [
    "engines/torch",
    "engines/create.ts",
    "training",
    "evaluation",
    "verify/training.ts",
    "cli/doctor.ts",
  ],
  sharp: ["images"],
  commander: ["cli"],
};

const problems = [];
for (const entry of readdirSync(root, { recursive: true })) {
  if (!entry.endsWith(".ts")) continue;
  const isTest = entry.endsWith(".test.ts");
  const room = entry.split("/")[0];
  if (!(room in allowed))
    problems.push(`${entry}: ${room} is not a room of the house; add it to scripts/check-imports.mjs`);
  const text = readFileSync(join(root, entry), "utf8");
  for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    if (specifier.startsWith(".")) {
      const target = relative(root, resolve(root, dirname(entry), specifier))
        .replace(/\.js$/, ".ts")
        .split("/")[0];
      if (target === room || isTest || allowed[room] === null) continue;
      if (!allowed[room]?.includes(target))
        problems.push(`${entry} imports ${specifier}: ${room} may not import ${target}`);
      if (room === "engines" && target === "engines") continue;
    } else if (
      !isTest &&
      room !== "testing" &&
      packages[specifier] &&
      !packages[specifier].some((p) => entry.startsWith(p))
    ) {
      problems.push(`${entry} imports ${specifier}, which only ${packages[specifier].join(", ")} may`);
    }
  }
  const other = /^engines\/(onnx|torch)\//.exec(entry)?.[1] === "onnx" ? "../torch/" : "../onnx/";
  if (entry.startsWith("engines/") && !isTest && text.includes(`"${other}`))
    problems.push(`${entry} imports the other engine`);
}
for (const line of problems) console.error(line);
console.log(problems.length ? `import arrows: ${problems.length} wrong` : "import arrows: ok");
process.exit(problems.length ? 1 : 0);

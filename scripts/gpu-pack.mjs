// scripts/gpu-check pack FILE.tar.xz [FIXTURE...]: what a machine without a network needs beside the repository to run
// gpu-check: Node, the compiled TypeScript, the packages that it and the tests need, recorded numbers.
// scripts/gpu-check pack FILE.tar.xz --train: the same to train there: packages that read pictures, and no tests.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";

const [file, ...named] = process.argv.slice(2);
if (!file?.endsWith(".tar.xz")) {
  console.error("Name the file to make, such as gpu-check.tar.xz.");
  process.exit(2);
}
const training = named[0] === "--train";
const recorded = ["rar_tiny", "rar_b_width", "vq_tiny", "rar_full", "vq_full"];
const fixtures = training ? [] : named.length > 0 ? named : recorded;
const root = process.cwd();

/** Large, and not used there: the other engine, style sheets, and what reads pictures where none are read. */
const unused = new Set(["onnxruntime-node", "lightningcss", ...(training ? [] : ["sharp"])]);
const tests = training ? [] : ["vitest", "fast-check"];

/** Folders of packages and of everything that they depend on, as Node would find them. */
function closure(names, from, into = new Set()) {
  for (const name of names) {
    if (unused.has(name)) continue;
    let folder = from;
    while (!existsSync(join(folder, "node_modules", name)) && folder !== root) folder = dirname(folder);
    const found = join(folder, "node_modules", name);
    if (into.has(found) || !existsSync(join(found, "package.json"))) continue; // optional, for other platforms
    into.add(found);
    const { dependencies, optionalDependencies, peerDependencies } = createRequire(found)(
      join(found, "package.json"),
    );
    closure(Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }), found, into);
  }
  return into;
}

function run(command, args) {
  const done = spawnSync(command, args, { stdio: "inherit" });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${done.status}`);
}

const partial = mkdtempSync(join(tmpdir(), "gpu-check-"));
try {
  const take = (path, to = relative(root, path)) =>
    cpSync(path, join(partial, to), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !/generator_\w+\.bin$/.test(file), // the same weights stored in other ways
    });
  const own = JSON.parse(readFileSync("packages/rar/package.json", "utf8")).dependencies;
  for (const folder of closure(
    [...Object.keys(own), ...tests, "libtorch", "node-addon-api", "node-api-headers"],
    root,
  ))
    if (!existsSync(join(partial, relative(root, folder)))) take(folder);
  for (const name of ["libtorch", "rar"]) take(resolve(`packages/${name}/dist`));
  mkdirSync(join(partial, ".gpu-check"));
  take(process.execPath, ".gpu-check/node");
  spawnSync("strip", [join(partial, ".gpu-check/node")]); // a third smaller, where there is strip
  for (const name of fixtures) {
    const folder = [process.env.FIXTURES ?? "../shared/fixtures", "packages/rar/test/fixtures"]
      .map((parent) => join(parent, name))
      .find(existsSync);
    if (folder) take(folder, `.gpu-check/fixtures/${name}`);
    else console.error(`${name}: no such fixture here`);
  }
  run("tar", ["-C", partial, "-cJf", resolve(file), "."]);
  console.log(`${file}: ${(statSync(file).size / 2 ** 20).toFixed(0)} MiB`);
} finally {
  rmSync(partial, { recursive: true, force: true });
}

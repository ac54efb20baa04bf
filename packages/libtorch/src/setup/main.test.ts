import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { pathWith, program, temporaryFolder } from "../../test/fake-setup.js";

const main = fileURLToPath(new URL("../../dist/setup/main.js", import.meta.url));

function libtorch(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const build = join(temporaryFolder(), "build");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { ...process.env, LIBTORCH: "", LIBTORCH_BUILD: build, ...env },
  });
  return { status, stdout, stderr };
}

test("--help shows an example; a wrong call ends with 2 and the usage", () => {
  expect(libtorch(["--help"])).toMatchObject({ status: 0, stdout: expect.stringContaining("Example:") });
  expect(libtorch([]).status).toBe(2);
  for (const args of [["build"], ["setup", "now"], ["setup", "--fast"]])
    expect(libtorch(args)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Usage: libtorch setup"),
    });
});

// npm links only what is there when it installs, and a fresh clone has no dist
test("what npm links runs the command, and says what to do where nothing is built", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    bin: { libtorch: string };
  };
  const run = (path: string) => spawnSync(path, ["--help"], { encoding: "utf8" });
  expect(run(join(root, bin.libtorch)).stdout).toContain("Usage: libtorch setup");
  const copy = join(temporaryFolder(), "bin/libtorch.mjs");
  cpSync(join(root, bin.libtorch), copy);
  expect(run(copy)).toMatchObject({ status: 1, stderr: expect.stringContaining("npm run build") });
});

test("info says that nothing is built", () => {
  expect(libtorch(["info"])).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("nothing yet; run setup"),
  });
});

test("a LIBTORCH that cannot be used ends setup with 1", () => {
  const { status, stdout, stderr } = libtorch(["setup"], { LIBTORCH: "/no/such/folder" });
  expect(status).toBe(1);
  expect(stdout).toContain("LIBTORCH is /no/such/folder, which does not exist.");
  expect(stderr).toContain("or unset it");
});

test("a missing compiler ends setup with 1 and a sentence, before anything is downloaded", () => {
  const empty = temporaryFolder();
  const { status, stderr } = libtorch(["setup"], { PATH: empty, CXX: "" });
  expect(status).toBe(1);
  expect(stderr).toContain("There is no C++ compiler.");
});

test("where libtorch cannot be had, setup names the one command to run", () => {
  const folder = temporaryFolder();
  for (const name of ["python3", "sudo", "apt-get"]) program(folder, name, "exit 1");
  program(folder, "c++", "echo Fake 1.0");
  // With --cuda, no system package is installed: none of them has CUDA.
  const { status, stderr } = libtorch(["setup", "--cuda"], pathWith(folder));
  expect(status).toBe(1);
  expect(stderr).toContain("Run `python3 -m pip install torch`, then setup again.");
});

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pathWith, program, temporaryFolder } from "../../test/fake-setup.js";
import { privatePython } from "./locate.js";
import { type GetOptions, getWheel } from "./pip.js";
import { silent } from "./reporter.js";

/** A machine whose python3 makes environments in which pip is `pip`: a shell script that sees pip's arguments. */
function machine(pip: string) {
  const root = temporaryFolder();
  const bin = join(root, "bin");
  const calls = join(root, "calls");
  const inside = program(root, "inside", `shift 2; echo "$@" >> ${calls}\n${pip}`);
  program(
    bin,
    "python3",
    `case "$1 $2" in "-m venv") mkdir -p "$3/bin"; cp ${inside} "$3/bin/python";; *) echo "Python 3.11";; esac`,
  );
  const build = join(root, "build");
  const options: GetOptions = {
    ...{ build, cuda: false, env: pathWith(bin), report: silent },
    signal: new AbortController().signal,
  };
  const installs = () =>
    readFileSync(calls, "utf8")
      .split("\n")
      .filter((line) => line.startsWith("install"))
      .map((line) => line.replace(/--retries.*--no-input /, ""));
  return { ...privatePython(build), calls, bin, options, installs };
}

const answers = (usual: string, cpuIndex: string) => `
case "$*" in
  index*extra-index-url*) ${cpuIndex};;
  index*) ${usual};;
esac`;
const versions = (list: string) => `echo "torch (9)"; echo "Available versions: ${list}"`;
const none = `echo "ERROR: No matching distribution found for torch" >&2; exit 1`;

test("the newest build for CPUs in pip's usual places is taken before a newer one with CUDA", async () => {
  const { options, installs, complete } = machine(answers(versions("2.14.1, 2.13.0+cpu, 2.12.0+cpu"), none));
  expect(await getWheel(options)).toBeUndefined();
  expect(installs()).toEqual(["install torch==2.13.0+cpu"]);
  expect(existsSync(complete)).toBe(true);
});

test("where the usual places have none, PyTorch's index of builds for CPUs is asked", async () => {
  const { options, installs } = machine(answers(versions("2.14.1"), versions("2.14.1+cpu, 2.14.1")));
  expect(await getWheel(options)).toBeUndefined();
  expect(installs()).toEqual([expect.stringMatching(/^install --extra-index-url \S+ torch==2\.14\.1\+cpu$/)]);
});

test("where that does not answer, what pip finds by itself is taken", async () => {
  const { options, installs } = machine(answers(versions("2.14.1"), versions("2.14.1")));
  expect(await getWheel(options)).toBeUndefined();
  expect(installs()).toEqual(["install torch"]);
});

test("a pip that finds no torch is not asked to install it", async () => {
  const { options, folder, calls } = machine(answers(none, none));
  expect(await getWheel(options)).toBe("pip finds no torch for this Python.");
  expect(readFileSync(calls, "utf8")).not.toMatch(/^install/m);
  expect(existsSync(folder)).toBe(false);
});

test("--cuda takes pip's own choice, and adds the headers that it lacks", async () => {
  const { options, installs } = machine('case "$*" in "show cuda-toolkit") echo "Version: 13.0.3";; esac');
  expect(await getWheel({ ...options, cuda: true })).toBeUndefined();
  expect(installs()).toEqual(["install torch", "install cuda-toolkit[cccl,crt]==13.0.3"]);
});

test("every call of pip bounds its patience", async () => {
  const { options, calls } = machine(answers(versions("2.14.1"), versions("2.14.1+cpu")));
  await getWheel(options);
  const lines = readFileSync(calls, "utf8").trim().split("\n");
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toContain("--retries 1 --timeout 10");
});

test("a failed install gives pip's reason and leaves nothing", async () => {
  const { options, folder } = machine(`${answers(versions("2.13.0+cpu"), none)}
case "$*" in install*) echo "ERROR: No space left on device" >&2; exit 1;; esac`);
  expect(await getWheel(options)).toBe("pip cannot install torch==2.13.0+cpu: No space left on device");
  expect(existsSync(folder)).toBe(false);
});

test("an interrupted install leaves nothing, and a half-made environment is made anew", async () => {
  const { options, folder, complete } = machine(
    `${answers(versions("2.13.0+cpu"), none)}\ncase "$*" in install*) [ -e ${"$0"}.again ] || sleep 60;; esac`,
  );
  const interrupt = new AbortController();
  setTimeout(() => interrupt.abort(new Error("interrupted")), 500);
  await expect(getWheel({ ...options, signal: interrupt.signal })).rejects.toThrow("interrupted");
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(complete)).toBe(false);
});

test("a Python that cannot make environments, and none at all, are reasons", async () => {
  const { options, bin } = machine("");
  program(bin, "python3", 'case "$1 $2" in "-m venv") echo "ensurepip is not available"; exit 1;; esac');
  expect(await getWheel(options)).toMatch(
    /cannot make an environment \(ensurepip is not available\).*python3-venv/,
  );
  expect(await getWheel({ ...options, env: { PATH: "/nowhere" } })).toContain("There is no python3");
});

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { program, temporaryFolder } from "../../test/fake-setup.js";
import { getPackage } from "./apt.js";
import { silent } from "./reporter.js";

/** A Debian whose lists know libtorch-dev when the file `known` exists; `onUpdate` and `onInstall` are shell. */
function debian({ onUpdate = ":", onInstall = ":", known = true, sudo = "exit 1" } = {}) {
  const folder = temporaryFolder();
  const [calls, flag] = [join(folder, "calls"), join(folder, "known")];
  const common = `PATH=/usr/bin:/bin; known=${flag}`;
  program(
    folder,
    "apt-get",
    `${common}; echo "$*" >> ${calls}; case "$1" in update) ${onUpdate};; install) ${onInstall};; esac`,
  );
  program(
    folder,
    "apt-cache",
    `${common}; if [ -e $known ]; then echo "  Candidate: 1.13.1"; else echo "  Candidate: (none)"; fi`,
  );
  program(folder, "sudo", `echo "sudo $*" >> ${calls}; ${sudo}`);
  if (known) program(folder, "known", "");
  const get = (root = true) =>
    getPackage({ env: { PATH: folder }, signal: new AbortController().signal, report: silent, root });
  const done = () =>
    readFileSync(calls, "utf8")
      .trim()
      .split("\n")
      .filter((line) => !line.startsWith("--"));
  return { get, done };
}

const INSTALL = "install -y --no-install-recommends libtorch-dev libopenblas0-openmp";

test("known packages are installed at once", async () => {
  const { get, done } = debian();
  expect(await get()).toBeUndefined();
  expect(done()).toEqual([INSTALL]);
});

test("empty lists are updated first", async () => {
  const { get, done } = debian({ known: false, onUpdate: "touch $known" });
  expect(await get()).toBeUndefined();
  expect(done()).toEqual(["update", INSTALL]);
});

test("old lists are updated when the install fails", async () => {
  const { get, done } = debian({ onUpdate: "touch $known.new", onInstall: "[ -e $known.new ]" });
  expect(await get()).toBeUndefined();
  expect(done()).toEqual([INSTALL, "update", INSTALL]);
});

test("what cannot be installed has apt's reason", async () => {
  expect(await debian({ onInstall: 'echo "E: Unmet dependencies" >&2; exit 100' }).get()).toBe(
    "apt-get cannot install libtorch-dev: Unmet dependencies",
  );
  expect(await debian({ known: false }).get()).toBe("apt knows no libtorch-dev.");
});

test("without root, sudo is used where it asks for no password", async () => {
  expect(await debian().get(false)).toContain("sudo asks for a password");
  const { get, done } = debian({ sudo: "exit 0" });
  expect(await get(false)).toBeUndefined();
  expect(done()).toEqual(["sudo -n true", `sudo -n DEBIAN_FRONTEND=noninteractive apt-get ${INSTALL}`]);
});

test("elsewhere there is no apt-get", async () => {
  const signal = new AbortController().signal;
  expect(await getPackage({ env: { PATH: "/nowhere" }, signal, report: silent })).toContain("no apt-get");
});

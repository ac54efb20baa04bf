/** Where recorded numbers lie: small ones in the repository, the rest beside it where it is at hand. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));
const places = [
  `${packageRoot}test/fixtures/`,
  `${packageRoot}../../../shared/fixtures/`,
  `${packageRoot}../../../shared/`,
];

/** Path of a fixture such as `rar_tiny/forward.safetensors` or `data/cifar10`, or undefined where it is not at hand. */
export function fixture(path: string): string | undefined {
  return places.map((place) => place + path).find((candidate) => existsSync(candidate));
}

/** For `describe.skipIf(missing("rar_tiny"))`: true, after one line that says so, where a fixture is not at hand. */
export function missing(...paths: string[]): boolean {
  const absent = paths.filter((path) => fixture(path) === undefined);
  if (absent.length > 0) console.warn(`skipped: recorded numbers not at hand (${absent.join(", ")})`);
  return absent.length > 0;
}

/**
 * The icons of the emoji model in one small file, so that a machine without a network can draw them too: taken from
 * the npm registry on first use, in pinned versions.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { copies, packages, readIcons } from "../../bench/study-emoji/icons.mjs";

/**
 * All icons, as `readIcons` of bench/study-emoji gives them, and how many training pictures are made of one by class.
 *
 * @param file - where they are kept: 3 MB, whatever the size of the pictures
 */
export function iconsOf(file) {
  if (existsSync(file)) {
    const kept = JSON.parse(brotliDecompressSync(readFileSync(file)).toString());
    if (JSON.stringify(kept.packages) === JSON.stringify(packages)) return kept;
    console.error(`${file} is of other versions of the icon sets; it is made again.`);
  }
  const folder = `${file}.packages`;
  mkdirSync(folder, { recursive: true });
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  console.error(`Fetching ${wanted.join(", ")} with npm.`);
  const words = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder];
  execFileSync("npm", [...words, ...wanted], { stdio: ["ignore", "ignore", "inherit"] });
  const icons = readIcons(join(folder, "node_modules"));
  const kept = { packages, copies: copies(icons), icons };
  const text = Buffer.from(JSON.stringify(kept));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 24 };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.partial`, brotliCompressSync(text, { params }));
  renameSync(`${file}.partial`, file);
  rmSync(folder, { recursive: true });
  return kept;
}

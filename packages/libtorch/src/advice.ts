/** What about this libtorch makes it slow, and what to do: sentences for `doctor`. */
import { readFileSync } from "node:fs";

/** Files that this process has mapped, on Linux; none elsewhere. Only the loaded library tells which BLAS it is. */
function mappedLibraries(): readonly string[] {
  try {
    const lines = readFileSync("/proc/self/maps", "utf8").split("\n");
    return [...new Set(lines.flatMap((line) => /\s(\/\S+\.so\S*)$/.exec(line)?.[1] ?? []))];
  } catch {
    return [];
  }
}

/**
 * @param libraries - files mapped into the process; default: read now, after libtorch was loaded
 * @returns one sentence for each thing that is worth changing, none where all is well
 */
export function speedAdvice(libraries: readonly string[] = mappedLibraries()): string[] {
  const has = (pattern: RegExp): boolean => libraries.some((file) => pattern.test(file));
  const openmp = libraries.filter((file) => /\/lib(gomp|omp|iomp5)\b/.test(file));
  const advice: string[] = [];
  if (has(/\/blas\/libblas\.so/))
    advice.push(
      "libtorch computes products with the reference BLAS, several times slower than it could. Run `apt-get install libopenblas0-openmp`.",
    );
  if (has(/openblas-pthread\//) && openmp.length > 0)
    advice.push(
      "OpenBLAS brings threads of its own beside OpenMP's, and the two pools wait for each other. Run `apt-get install libopenblas0-openmp`, or use one thread.",
    );
  if (openmp.length > 1)
    advice.push(
      `${openmp.length} OpenMP libraries are loaded (${openmp.join(", ")}): each starts threads of its own. Use one thread if steps take unequal times.`,
    );
  return advice;
}

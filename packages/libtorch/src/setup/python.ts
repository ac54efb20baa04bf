/** Asks a Python for its torch. */
import { dirname } from "node:path";
import type { Files } from "./examine.js";
import { lastLine, type RunOptions, run } from "./run.js";

/** What is printed before the answer: torch and what it loads may print lines of their own. */
const MARK = "libtorch-setup:";

const QUESTION = `
import json, os, sys
answer = {"python": sys.executable}
try:
    import torch
    folder = os.path.dirname(torch.__file__)
    answer["version"] = torch.__version__
    answer["abi"] = int(getattr(torch._C, "_GLIBCXX_USE_CXX11_ABI", -1))
    try:
        from torch.utils import cpp_extension
        answer["includes"] = cpp_extension.include_paths()
        answer["libraries"] = cpp_extension.library_paths()
    except Exception:
        answer["includes"] = [os.path.join(folder, "include"), os.path.join(folder, "include/torch/csrc/api/include")]
        answer["libraries"] = [os.path.join(folder, "lib")]
except ModuleNotFoundError as error:
    answer["error"] = "has no torch" if error.name == "torch" else "cannot import torch: " + str(error)
except Exception as error:
    answer["error"] = "cannot import torch: " + str(error).split("\\n")[0]
print("\\n${MARK}" + json.dumps(answer))
`;

interface Answer {
  readonly python: string;
  readonly error?: string;
  readonly version?: string;
  readonly abi?: number;
  readonly includes?: readonly string[];
  readonly libraries?: readonly string[];
}

export interface PythonTorch {
  /** Path of the Python that answered. */
  readonly python: string;
  /** Where its torch is, or a few words on why there is none. */
  readonly torch: Omit<Files, "origin"> | string;
}

/**
 * @param command - a path, or a name on `PATH`
 * @returns undefined when there is no such Python
 */
export async function askPython(command: string, options: RunOptions): Promise<PythonTorch | undefined> {
  const outcome = await run(command, ["-c", QUESTION], options);
  if (outcome === undefined) return undefined;
  const line = outcome.stdout.split("\n").find((text) => text.startsWith(MARK));
  if (line === undefined)
    return { python: command, torch: `cannot be asked for its torch: ${lastLine(outcome.stderr)}` };
  const answer = JSON.parse(line.slice(MARK.length)) as Answer;
  if (answer.error !== undefined) return { python: answer.python, torch: answer.error };
  const includes = answer.includes ?? [];
  return {
    python: answer.python,
    torch: {
      version: answer.version,
      includes,
      // Some versions name CUDA's folders too, after libtorch's own.
      library: answer.libraries?.[0] ?? dirname(includes[0] ?? ""),
      abi: answer.abi === 0 || answer.abi === 1 ? answer.abi : undefined,
    },
  };
}

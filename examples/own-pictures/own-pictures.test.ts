/** The example runs from pictures to pictures, in small, and its page shows the commands that it runs. */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { encodePngSync } from "../../packages/rar/src/images/png.js";
import { haveLibtorch } from "../../packages/rar/src/testing/libtorch.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const script = readFileSync(join(here, "run.sh"), "utf8");
const page = readFileSync(join(here, "README.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "own-pictures-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Both with lines joined, as words without the settings that differ: `rarity VERB` and its flags. */
const commandsOf = (text: string): string[] =>
  [...text.replaceAll("\\\n", " ").matchAll(/^\s*rarity ([a-z-]+)(.*)$/gm)].map(([, verb, rest]) =>
    [verb, ...rest!.matchAll(/(?<= )--[a-z-]+|config=\S+/g)].join(" "),
  );

/** A disc, a square or stripes on a coloured ground: a class has one shape. */
function writePictures(to: string): void {
  for (const [shape, name] of ["discs", "squares", "stripes"].entries()) {
    mkdirSync(join(to, name), { recursive: true });
    for (let n = 0; n < 12; n++) {
      const [width, height] = [20 + (n % 3), 18];
      const data = new Uint8Array(width * height * 3);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const [dx, dy] = [x - 10, y - 9];
          const inside =
            [dx * dx + dy * dy < 30, Math.max(Math.abs(dx), Math.abs(dy)) < 5, y % 4 < 2][shape] ?? false;
          data.set(inside ? [200, 20 * n, 40] : [240, 240, 255 - 10 * n], (y * width + x) * 3);
        }
      writeFileSync(join(to, name, `${n}.png`), encodePngSync({ width, height, data }));
    }
  }
}

describe("own pictures", () => {
  it("are five commands, the page's being the script's", () => {
    const shown = commandsOf(/```sh\n([^`]*)```/.exec(page)![1]!);
    expect(shown).toHaveLength(5);
    const run = commandsOf(script).map((line) => line.replace(" --overwrite", ""));
    expect(run.map((line) => line.split(" ")[0])).toEqual(shown.map((line) => line.split(" ")[0]));
    for (const [i, line] of shown.entries())
      for (const word of line.split(" ")) expect(run[i]!.split(" ")).toContain(word);
  });

  // Ten programs, one after the other.
  const timeout = 240_000;
  it.skipIf(!haveLibtorch)(
    "become a model that draws, and a second run has nothing left to do",
    { timeout },
    async () => {
      const [pictures, out] = [join(folder, "pictures"), join(folder, "out")];
      writePictures(pictures);
      const sizes = "model.vq_model.codebook_size=32";
      const steps = "training.per_gpu_batch_size=8 lr_scheduler.params.warmup_steps=2";
      const environment = {
        ...process.env,
        OMP_NUM_THREADS: "1",
        TOKENIZER: `${sizes} ${steps} model.vq_model.channel_mult=[1,1] model.vq_model.num_resolutions=2 model.vq_model.resolution=16 model.vq_model.z_channels=8 dataset.preprocessing.resize_shorter_edge=16 dataset.preprocessing.crop_size=16 training.max_train_steps=16 tokenizer_training.free_steps=6`,
        GENERATOR: `${sizes} ${steps} model.generator.hidden_size=32 model.generator.num_hidden_layers=1 model.generator.num_attention_heads=2 model.generator.intermediate_size=64 training.max_train_steps=12 model.generator.randomness_anneal_start=4 model.generator.randomness_anneal_end=8`,
      };
      const run = () => promisify(execFile)(join(here, "run.sh"), [pictures, out], { env: environment });
      await run();
      expect(readFileSync(join(out, "model/classes.txt"), "utf8")).toBe("discs\nsquares\nstripes\n");
      expect(existsSync(join(out, "rows.png"))).toBe(true);
      const drawn = readdirSync(join(out, "samples")).filter((name) => name.endsWith(".png"));
      expect(drawn).toHaveLength(3 * 4 + 1); // and the sheet

      const { stderr } = await run();
      expect(stderr).toContain("Nothing is left to do");
      expect(stderr).not.toMatch(/Saved /);
    },
  );
});

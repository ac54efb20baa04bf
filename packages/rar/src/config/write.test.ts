// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own interpolations
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { loadConfig } from "./load.js";
import type { PlainMap } from "./plain.js";
import { writeConfig } from "./write.js";
import { parseYaml } from "./yaml.js";

describe("writeConfig", () => {
  it("writes the published configuration so that it reads back, `${}` as it was", async () => {
    const file = fileURLToPath(new URL("../../configs/rar.yaml", import.meta.url));
    const { raw, config } = await loadConfig({ file });
    const text = writeConfig(raw);
    expect(text).toContain("learning_rate: ${optimizer.params.learning_rate}\n");
    const again = await loadConfig({ text });
    expect(again.raw).toEqual(raw);
    expect(again.config).toEqual(config);
  });

  it("quotes what another YAML reader would take for something else", () => {
    const words = [
      "yes",
      "n",
      "010",
      "1:30",
      "4e-4",
      "2024-01-01",
      "null",
      "~",
      "",
      "0x1f",
      "<<",
      "a: b",
      "# c",
      " \n",
      "two\n lines\n",
    ];
    const text = writeConfig({ words });
    expect(parseYaml(text, "x").value).toEqual({ words });
    expect(parse(text, { version: "1.1" })).toEqual({ words });
  });

  it("writes small numbers so that plain YAML 1.1 reads numbers", () => {
    expect(writeConfig({ a: 1e-7, b: -2e30, c: 1.5e-9 })).toBe("a: 1.0e-7\nb: -2.0e+30\nc: 1.5e-9\n");
  });

  it("reads back as it was, whatever it was", () => {
    const word = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.string({ unit: "binary", maxLength: 6 }),
      fc.string({ unit: fc.constantFrom(..."0123_:.eE+-xb~ynotruf #'\"\n{}[]&*!|>%@`,?$<="), maxLength: 10 }),
    );
    const scalar = fc.oneof(
      word,
      fc.double({ noDefaultInfinity: true }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        scalar,
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(word, tie("tree"), { maxKeys: 3, noNullPrototype: true }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(word, tree, { noNullPrototype: true }), (value) => {
        if ("<<" in value) return;
        expect(parseYaml(writeConfig(value as PlainMap), "x").value ?? {}).toEqual(value);
      }),
      { numRuns: 400 },
    );
  });
});

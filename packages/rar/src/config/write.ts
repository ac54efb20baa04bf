// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own interpolations
/** A configuration as YAML text that this program, OmegaConf and plain YAML 1.1 readers all read the same way. */
import { Document, Scalar, type ScalarTag, visit } from "yaml";
import { plainScalar } from "./yaml.js";

/**
 * Writes a configuration as YAML, `${}` as it stands, keys in their order. Keys that are undefined are left out.
 * A whole float such as 16.0 is written as 16: JavaScript does not tell them apart.
 */
export function writeConfig(config: object): string {
  const document = new Document(config, {
    aliasDuplicateObjects: false,
    customTags: (tags) => [exponent, ...tags],
  });
  visit(document, {
    Scalar(_, node) {
      const { value } = node;
      if (typeof value === "string" && (plainScalar(value) !== value || ambiguous.test(value)))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/**
 * Words that other YAML readers take for a boolean, a merge, a default, a date or a number, and text of several
 * lines: the library would write it as a block, which loses a first line that is all spaces.
 */
const ambiguous = /^(?:[yYnN]|=|<<|[-+.]?\d.*)$|\n/;

/** A plain YAML 1.1 reader takes 1e-7 for text, but 1.0e-7 for a number. */
const exponent: ScalarTag = {
  tag: "tag:yaml.org,2002:float",
  default: true,
  test: /(?!)/,
  identify: (value) => typeof value === "number" && /^-?\d+e/.test(String(value)),
  resolve: Number,
  stringify: ({ value }) => String(value).replace("e", ".0e"),
};

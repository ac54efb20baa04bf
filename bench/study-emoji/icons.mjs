/** Which icons of which sets are the pictures, their classes, and which are held out. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

/** The versions that give the recorded 4,248 pictures, 192 of them held out. */
export const packages = {
  "@iconify-json/noto": "1.2.9",
  "@iconify-json/fluent-emoji-flat": "1.2.6",
  "@iconify-json/twemoji": "1.2.5",
  "emojibase-data": "17.0.0",
};
const sets = ["noto", "fluent-emoji-flat", "twemoji"];

/** Classes by index: emojibase subgroups. */
const subgroups = [
  "face-smiling face-affection face-tongue face-hand face-neutral-skeptical face-sleepy face-unwell face-hat face-glasses face-concerned face-negative face-costume cat-face monkey-face",
  "person person-role person-fantasy person-gesture person-activity person-sport family",
  "hand-fingers-open hand-fingers-partial hand-single-finger hand-fingers-closed hands hand-prop body-parts",
  "heart emotion",
  "animal-mammal",
  "animal-bird",
  "animal-marine animal-reptile animal-amphibian",
  "animal-bug",
  "plant-flower plant-other",
  "food-fruit food-vegetable",
  "food-prepared food-asian",
  "food-sweet",
  "drink dishware",
  "transport-ground",
  "transport-air transport-water",
  "place-building place-religious place-geographic place-other",
  "sky-weather",
  "sport award-medal game",
  "clothing",
  "musical-instrument music sound",
  "country-flag flag",
  "time",
  "tool household arts-crafts science medical",
  "computer phone light-video office mail writing book-paper",
].map((names) => names.split(" "));

/** Lower case, accents, apostrophes and dots gone, `&` as a word, every other run of characters a hyphen. */
export const slug = (label) =>
  label
    .normalize("NFKD")
    .replace(/[\u0300-\u036f’'.]/g, "")
    .replaceAll("&", "and")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

/** Names an icon of a label may have in a set. */
function names(label, set) {
  const name = slug(label);
  const other = [
    name.replace(/^flag-/, ""),
    `flag-${name}`,
    `${name}-face`,
    name.replace(/-(button|symbol)$/, ""),
  ];
  return set === "twemoji" ? [name, name.replace(/^flag-/, "flag-for-"), ...other] : [name, ...other];
}

/** An emoji is held out in all sets at once. */
export const isHeldOut = (label) => crc32(Buffer.from(label)) % 25 === 0;

/**
 * All pictures, set by set in the order of emojibase.
 * @param folder - `node_modules` with the packages
 * @returns {set, name, label, classId, heldOut, svg: {body, left, top, width, height}}
 */
export function readIcons(folder) {
  const read = (path) => JSON.parse(readFileSync(join(folder, path), "utf8"));
  const subgroupNames = read("emojibase-data/meta/groups.json").subgroups;
  const classOf = new Map(subgroups.flatMap((list, index) => list.map((name) => [name, index])));
  const emojis = read("emojibase-data/en/data.json").filter(
    ({ label, subgroup }) => label && classOf.has(subgroupNames[subgroup]),
  );
  return sets.flatMap((set) => {
    const { icons, ...defaults } = read(`@iconify-json/${set}/icons.json`);
    return emojis.flatMap(({ label, subgroup }) => {
      const name = names(label, set).find((n) => Object.hasOwn(icons, n) && !icons[n].hidden);
      if (name === undefined || name.includes("skin-tone")) return [];
      const { left = 0, top = 0, width, height, body } = { ...defaults, ...icons[name] };
      const classId = classOf.get(subgroupNames[subgroup]);
      return [
        { set, name, label, classId, heldOut: isHeldOut(label), svg: { body, left, top, width, height } },
      ];
    });
  });
}

/** Copies of a training picture by class, itself included: 6 of a person, else 2,400 over the class, 10 to 36. */
export function copies(icons) {
  return subgroups.map((_, id) => {
    const count = icons.filter((icon) => icon.classId === id).length; // the held-out ones too
    return id === PERSON ? 6 : Math.min(36, Math.max(10, Math.floor(2400 / count)));
  });
}
const PERSON = 1;

/**
 * The letters of labels, as strokes: drawn for this program, since a machine may have no fonts at all.
 *
 * Units: capitals are 6 high (y 0 at their top, 6 at the baseline), small letters 4 (from y 2), descenders reach 8. A
 * stroke is a run of steps: `m` moves, `l` draws a line, `h` and `v` draw a quarter of an ellipse to the given point,
 * leaving horizontally or vertically. A lone `m` with `l` to the same point is a dot.
 */

/** Space between the strokes of neighbouring letters. */
export const letterSpacing = 1.9;
export const capHeight = 6;
export const descent = 2;

export interface Glyph {
  readonly strokes: string;
  /** From the leftmost stroke to the rightmost, in units. */
  readonly width: number;
}

/** The glyph of a character; of another letter that without its accents; else a question mark. */
export function glyphOf(character: string): Glyph {
  const strokes = strokesOf(character) ?? strokesOf(withoutAccents(character)) ?? glyphs["?"]!;
  return { strokes, width: character === " " ? 0.7 : widthOf(strokes) };
}

/** The text in letters this font has: accents taken off, ligatures spelled out. */
export function drawable(text: string): string {
  return [...text].map((c) => (strokesOf(c) === undefined ? withoutAccents(c) : c)).join("");
}

function withoutAccents(character: string): string {
  return spelled[character] ?? character.normalize("NFKD").replaceAll(/\p{M}/gu, "");
}

function strokesOf(character: string): string | undefined {
  return Object.hasOwn(glyphs, character) ? glyphs[character] : undefined;
}

function widthOf(strokes: string): number {
  return Math.max(0, ...Array.from(strokes.matchAll(/[a-z](-?[\d.]+),/g), ([, x]) => Number(x)));
}

/** Letters whose accent is part of the letter, and marks with a plain relative. */
const spelled: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  Æ: "AE",
  œ: "oe",
  Œ: "OE",
  ø: "o",
  Ø: "O",
  đ: "d",
  Đ: "D",
  ð: "d",
  Ð: "D",
  ł: "l",
  Ł: "L",
  þ: "th",
  Þ: "Th",
  ı: "i",
  "‘": "'",
  "’": "'",
  "“": '"',
  "”": '"',
  "–": "-",
  "—": "-",
  "−": "-",
  "×": "x",
};

const glyphs: Readonly<Record<string, string>> = {
  " ": "",
  "!": "m0,0 l0,4 m0,6 l0,6",
  '"': "m0,0 l0,1.5 m1.5,0 l1.5,1.5",
  "#": "m1.5,0.5 l0.5,5.5 m4,0.5 l3,5.5 m0,2 l4.5,2 m0,4 l4.5,4",
  $: "m4,1.5 v2.5,0.5 l1.5,0.5 h0,1.75 v1.5,3 l2.5,3 h4,4.25 v2.5,5.5 l1.5,5.5 h0,4.5 m2,-0.7 l2,6.7",
  "%": "m4.5,0 l0.5,6 m0,1 v1,0 h2,1 v1,2 h0,1 m3,5 v4,4 h5,5 v4,6 h3,5",
  "&": "m4.6,6 l1,2 v2,0 h3,1.2 v1.6,2.7 v0,4.5 v1.6,6 h4.4,3.2",
  "'": "m0,0 l0,1.5",
  "(": "m1.2,-0.5 h0,3.25 v1.2,7",
  ")": "m0,-0.5 h1.2,3.25 v0,7",
  "*": "m1.5,0 l1.5,3 m0.2,0.75 l2.8,2.25 m2.8,0.75 l0.2,2.25",
  "+": "m1.75,1.75 l1.75,5.25 m0,3.5 l3.5,3.5",
  ",": "m0.6,5.8 l0,7.3",
  "-": "m0,3.75 l2,3.75",
  ".": "m0,6 l0,6",
  "/": "m2.5,-0.3 l0,6.5",
  0: "m0,2 v2,0 h4,2 l4,4 v2,6 h0,4 l0,2",
  1: "m0,1.5 l2,0 l2,6",
  2: "m0,1.6 v1.9,0 h3.8,1.7 v2.9,3.3 l0,6 l4,6",
  3: "m0,1 v1.8,0 h3.7,1.5 v1.8,2.9 l1.3,2.9 m1.8,2.9 h4,4.45 v1.8,6 h-0.1,4.9",
  4: "m3.2,6 l3.2,0 l0,4.25 l4.3,4.25",
  5: "m3.7,0 l0.5,0 l0.2,2.8 v1.9,2.2 h4,4 v1.9,6 h0,5",
  6: "m3.6,0.8 v2.2,0 h0,3 l0,4.1 v2,6 h4,4.1 v2,2.3 h0,4.1",
  7: "m0,0 l4,0 l1.3,6",
  8: "m0.2,1.45 v2,0 h3.8,1.45 v2,2.9 h0.2,1.45 m0,4.45 v2,2.9 h4,4.45 v2,6 h0,4.45",
  9: "m0.4,5.2 v1.8,6 h4,3 l4,1.9 v2,0 h0,1.9 v2,3.7 h4,1.9",
  ":": "m0,2.5 l0,2.5 m0,6 l0,6",
  ";": "m0.5,2.5 l0.5,2.5 m0.6,5.8 l0,7.3",
  "<": "m3.2,1.5 l0,3.5 l3.2,5.5",
  "=": "m0,2.6 l3.5,2.6 m0,4.4 l3.5,4.4",
  ">": "m0,1.5 l3.2,3.5 l0,5.5",
  "?": "m0,1.4 v1.7,0 h3.4,1.6 v1.7,3.2 l1.7,4.1 m1.7,6 l1.7,6",
  "@": "m4.2,2.6 l4.2,4 v5.1,4.9 h6,3 v3,0 h0,3.25 v3,6.5 l4.6,6.5 m4.2,3.4 v3,2 h1.8,3.4 v3,4.8 h4.2,3.4",
  A: "m0,6 l2.25,0 l4.5,6 m0.8,4 l3.7,4",
  B: "m2.2,2.9 l0,2.9 m0,0 l2.2,0 h3.7,1.45 v2.2,2.9 h4,4.45 v2.3,6 l0,6 l0,0",
  C: "m4.2,1.3 v2.3,0 h0,3 v2.3,6 h4.2,4.7",
  D: "m0,0 l0,6 l1.7,6 h4.3,3 v1.7,0 l0,0",
  E: "m3.5,0 l0,0 l0,6 l3.5,6 m0,2.9 l3,2.9",
  F: "m3.5,0 l0,0 l0,6 m0,3 l3,3",
  G: "m4.1,1.2 v2.3,0 h0,3 v2.3,6 h4.4,4.4 l4.4,3.3 l2.6,3.3",
  H: "m0,0 l0,6 m4.2,0 l4.2,6 m0,2.9 l4.2,2.9",
  I: "m0,0 l0,6",
  J: "m2.9,0 l2.9,4.4 v1.4,6 h0,4.8",
  K: "m0,0 l0,6 m4,0 l0,3.8 m1.4,2.5 l4.2,6",
  L: "m0,0 l0,6 l3.4,6",
  M: "m0,6 l0,0 l2.6,4.4 l5.2,0 l5.2,6",
  N: "m0,6 l0,0 l4.2,6 l4.2,0",
  O: "m0,3 v2.35,0 h4.7,3 v2.35,6 h0,3",
  P: "m0,6 l0,0 l2.2,0 h4,1.65 v2.2,3.3 l0,3.3",
  Q: "m0,3 v2.35,0 h4.7,3 v2.35,6 h0,3 m2.9,4.3 l4.8,6.6",
  R: "m0,6 l0,0 l2.2,0 h4,1.6 v2.2,3.2 l0,3.2 m2.1,3.2 l4.2,6",
  S: "m3.8,1.3 v2,0 h0.1,1.5 v1.9,2.9 h4,4.4 v2,6 h-0.1,4.7",
  T: "m0,0 l4.4,0 m2.2,0 l2.2,6",
  U: "m0,0 l0,3.9 v2.1,6 h4.2,3.9 l4.2,0",
  V: "m0,0 l2.2,6 l4.4,0",
  W: "m0,0 l1.6,6 l3.2,0.6 l4.8,6 l6.4,0",
  X: "m0,0 l4.2,6 m4.2,0 l0,6",
  Y: "m0,0 l2.2,3.1 l4.4,0 m2.2,3.1 l2.2,6",
  Z: "m0,0 l4,0 l0,6 l4,6",
  "[": "m1.2,-0.5 l0,-0.5 l0,7 l1.2,7",
  "\\": "m0,-0.3 l2.5,6.5",
  "]": "m0,-0.5 l1.2,-0.5 l1.2,7 l0,7",
  "^": "m0,2.2 l1.5,0 l3,2.2",
  _: "m0,7 l4,7",
  "`": "m0,-0.2 l0.9,0.9",
  a: "m0.2,2.9 v1.6,2 h3.2,3.5 l3.2,6 m3.2,3.8 l1.5,3.8 h0,4.9 v1.3,6 h3.2,4.6",
  b: "m0,0 l0,6 m0,4 v1.75,2 h3.5,4 v1.75,6 h0,4",
  c: "m3.1,2.9 v1.75,2 h0,4 v1.75,6 h3.1,5.1",
  d: "m3.5,0 l3.5,6 m3.5,4 v1.75,2 h0,4 v1.75,6 h3.5,4",
  e: "m0,3.9 l3.4,3.9 v1.7,2 h0,4 v1.8,6 h3.2,5.2",
  f: "m2.2,0 l1.9,0 h0.8,1.2 l0.8,6 m0,2.2 l2.1,2.2",
  g: "m3.5,2 l3.5,6.2 v1.8,8 h0.2,7.2 m3.5,4 v1.75,2 h0,4 v1.75,6 h3.5,4",
  h: "m0,0 l0,6 m0,3.8 v1.7,2 h3.3,3.6 l3.3,6",
  i: "m0,2 l0,6 m0,0.1 l0,0.1",
  j: "m1,2 l1,6.8 v0,8 m1,0.1 l1,0.1",
  k: "m0,0 l0,6 m3,2 l0,4.6 m1.1,3.7 l3.2,6",
  l: "m0,0 l0,5 v0.9,6",
  m: "m0,2 l0,6 m0,3.6 v1.4,2 h2.7,3.5 l2.7,6 m2.7,3.6 v4.1,2 h5.4,3.5 l5.4,6",
  n: "m0,2 l0,6 m0,3.8 v1.7,2 h3.3,3.6 l3.3,6",
  o: "m0,4 v1.8,2 h3.6,4 v1.8,6 h0,4",
  p: "m0,2 l0,8 m0,4 v1.75,2 h3.5,4 v1.75,6 h0,4",
  q: "m3.5,2 l3.5,8 m3.5,4 v1.75,2 h0,4 v1.75,6 h3.5,4",
  r: "m0,2 l0,6 m0,3.7 v1.6,2 l2,2",
  s: "m2.8,2.8 v1.5,2 h0.1,3 v1.4,3.95 h2.9,5 v1.4,6 h0,5.1",
  t: "m0.8,0.6 l0.8,4.9 v1.9,6 l2.2,6 m0,2.2 l2.2,2.2",
  u: "m3.3,2 l3.3,6 m0,2 l0,4.4 v1.6,6 h3.3,4.2",
  v: "m0,2 l1.75,6 l3.5,2",
  w: "m0,2 l1.25,6 l2.6,2.4 l3.95,6 l5.2,2",
  x: "m0,2 l3.3,6 m3.3,2 l0,6",
  y: "m0,2 l1.8,6 m3.6,2 l1.8,6 l1.2,7.4 v0.2,8",
  z: "m0,2 l3.1,2 l0,6 l3.1,6",
  "{": "m1.7,-0.5 h0.8,0.5 l0.8,2.3 v0,3.25 h0.8,4.2 l0.8,6 v1.7,7",
  "|": "m0,-0.5 l0,7",
  "}": "m0,-0.5 h0.9,0.5 l0.9,2.3 v1.7,3.25 h0.9,4.2 l0.9,6 v0,7",
  "~": "m0,4 v0.9,3.2 h1.7,3.6 v2.5,4.1 h3.4,3.2",
};

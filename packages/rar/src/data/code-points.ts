/** Order of names by code point, as Python sorts them; JavaScript's own order is by UTF-16 unit. */

/** For `sort`: below zero where `a` comes first. The two orders differ for characters above U+FFFF only. */
export function byCodePoint(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates, which stand for what lies above U+FFFF, behind the units from U+E000 on. */
const rank = (unit: number): number => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

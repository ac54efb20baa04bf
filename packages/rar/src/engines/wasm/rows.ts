/** What a step does to rows of float32 numbers besides products, as WebAssembly. Counts are multiples of 4. */
import {
  type Code,
  doWhile,
  F32,
  type FinishedFunc,
  Func,
  f32,
  f32x4,
  I32,
  i8x16,
  i16x8,
  i32,
  i32x4,
  type Local,
  V128,
  v128,
  when,
} from "./code.js";

/** One after the other along a row: `body` for each vector while `pointers` advance together. */
const each = (first: Local, end: Code, body: readonly Code[], others: readonly Local[] = []): Code =>
  doWhile([...body, first.step(16), ...others.map((p) => p.step(16))], i32.less(first.get, end));
const behind = (at: Local, count: Local): Code => i32.add(at.get, i32.mul(count.get, i32.const(4)));
const lanes = (v: Local, join: (a: Code, b: Code) => Code): Code =>
  join(join(f32.lane(v.get, 0), f32.lane(v.get, 1)), join(f32.lane(v.get, 2), f32.lane(v.get, 3)));

/** y = norm(x) * scale + shift. Parameters: x, y, count, scale, shift. */
export function normalise(epsilon: number): FinishedFunc {
  const f = new Func("normalise", 5);
  const [x, y, count, scale, shift] = f.given;
  const [p, end] = f.locals(I32, 2);
  const [sum, value, mean] = f.locals(V128, 3);
  const n = f.local(F32);
  return f.body(
    n.set(f32.fromI32(count.get)),
    end.set(behind(x, count)),
    p.set(x.get),
    sum.set(v128.zero),
    each(p, end.get, [sum.set(f32x4.add(sum.get, v128.load(p.get)))]),
    mean.set(f32x4.splat(f32.div(lanes(sum, f32.add), n.get))),
    p.set(x.get),
    sum.set(v128.zero),
    each(p, end.get, [
      value.set(f32x4.sub(v128.load(p.get), mean.get)),
      sum.set(f32x4.add(sum.get, f32x4.mul(value.get, value.get))),
    ]),
    sum.set(
      f32x4.splat(
        f32.div(f32.const(1), f32.sqrt(f32.add(f32.div(lanes(sum, f32.add), n.get), f32.const(epsilon)))),
      ),
    ),
    each(
      x,
      end.get,
      [
        value.set(f32x4.mul(f32x4.sub(v128.load(x.get), mean.get), sum.get)),
        v128.store(y.get, f32x4.add(f32x4.mul(value.get, v128.load(scale.get)), v128.load(shift.get))),
      ],
      [y, scale, shift],
    ),
  );
}

/**
 * Numbers in 7 bits: block by block x = lowest + scale * q with q from 0 to 127. Parameters: x, q (bytes), scales (pairs of
 * scale and lowest), blocks, numbers of a block (a multiple of 16).
 */
export function quantise(): FinishedFunc {
  const f = new Func("quantise", 5);
  const [x, q, scales, blocks, block] = f.given;
  const [p, end] = f.locals(I32, 2);
  const [low, high, factor, value] = f.locals(V128, 4);
  const [lowest, range] = f.locals(F32, 2);
  // 2^23 + q holds q in its last bits, rounded to nearest.
  const rounded = (offset: number): Code =>
    v128.and(
      f32x4.add(f32x4.mul(f32x4.sub(v128.load(x.get, offset), low.get), factor.get), f32x4.const(2 ** 23)),
      i32x4.const(0xff),
    );
  return f.body(
    doWhile(
      [
        p.set(x.get),
        end.set(behind(x, block)),
        low.set(v128.load(x.get)),
        high.set(low.get),
        each(p, end.get, [
          value.set(v128.load(p.get)),
          low.set(f32x4.smaller(low.get, value.get)),
          high.set(f32x4.larger(high.get, value.get)),
        ]),
        lowest.set(lanes(low, f32.min)),
        range.set(f32.sub(lanes(high, f32.max), lowest.get)),
        f32.store(scales.get, f32.div(range.get, f32.const(127))),
        f32.store(scales.get, lowest.get, 4),
        low.set(f32x4.splat(lowest.get)),
        factor.set(v128.zero),
        when(f32.gt(range.get, f32.const(0)), [factor.set(f32x4.splat(f32.div(f32.const(127), range.get)))]),
        doWhile(
          [
            v128.store(
              q.get,
              i8x16.narrowI16Unsigned(
                i16x8.narrowI32(rounded(0), rounded(16)),
                i16x8.narrowI32(rounded(32), rounded(48)),
              ),
            ),
            x.step(64),
            q.step(16),
          ],
          i32.less(x.get, end.get),
        ),
        scales.step(8),
        blocks.step(-1),
      ],
      blocks.get,
    ),
  );
}

/**
 * exp of numbers of at most 0: 2^n times a polynomial of what is left, |r| <= ln(2) / 2 (Taylor to the 6th power, relative
 * error 2e-7). Below -87 it is taken for -87.
 */
function exp(x: Code, n: Local, r: Local): { readonly before: Code[]; readonly value: Code } {
  const MAGIC = 1.5 * 2 ** 23; // adding it rounds to a whole number, kept in the last bits
  const coefficients = [1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1];
  const polynomial = coefficients
    .slice(1)
    .reduce<Code>(
      (sum, c) => f32x4.add(f32x4.mul(sum, r.get), f32x4.const(c)),
      f32x4.const(coefficients[0]!),
    );
  const whole = f32x4.sub(n.get, f32x4.const(MAGIC));
  return {
    before: [
      r.set(f32x4.larger(x, f32x4.const(-87))),
      n.set(f32x4.add(f32x4.mul(r.get, f32x4.const(Math.LOG2E)), f32x4.const(MAGIC))),
      // ln(2) in two parts, the first exact in few bits
      r.set(f32x4.sub(r.get, f32x4.mul(whole, f32x4.const(0.693359375)))),
      r.set(f32x4.sub(r.get, f32x4.mul(whole, f32x4.const(-2.1219444005469057e-4)))),
    ].map((c) => [...c]),
    value: i32x4.add(polynomial, i32x4.shl(n.get, 23)),
  };
}

/** Softmax in place. Parameters: x, numbers, the same rounded up to a multiple of 4 (what lies between is overwritten). */
export function softmax(): FinishedFunc {
  const f = new Func("softmax", 3);
  const [x, count, padded] = f.given;
  const [p, end, q] = f.locals(I32, 3);
  const [most, sum, n, r] = f.locals(V128, 4);
  const e = exp(f32x4.sub(v128.load(p.get), most.get), n, r);
  return f.body(
    end.set(behind(x, padded)),
    q.set(behind(x, count)),
    when(i32.less(q.get, end.get), [
      doWhile([f32.store(q.get, f32.const(-1e30)), q.step(4)], i32.less(q.get, end.get)),
    ]),
    p.set(x.get),
    most.set(v128.load(x.get)),
    each(p, end.get, [most.set(f32x4.larger(most.get, v128.load(p.get)))]),
    most.set(f32x4.splat(lanes(most, f32.max))),
    p.set(x.get),
    sum.set(v128.zero),
    each(p, end.get, [
      ...e.before,
      r.set(e.value),
      v128.store(p.get, r.get),
      sum.set(f32x4.add(sum.get, r.get)),
    ]),
    sum.set(f32x4.splat(f32.div(f32.const(1), lanes(sum, f32.add)))),
    each(x, end.get, [v128.store(x.get, f32x4.mul(v128.load(x.get), sum.get))]),
  );
}

/**
 * y = gelu(y + bias), exact: erf by formula 7.1.26 of Abramowitz and Stegun, absolute error 1.5e-7. Parameters: y, bias, count.
 */
export function biasGelu(): FinishedFunc {
  const f = new Func("biasGelu", 3);
  const [y, bias, count] = f.given;
  const end = f.local(I32);
  const [value, t, n, r] = f.locals(V128, 4);
  const square = f32x4.mul(f32x4.mul(value.get, value.get), f32x4.const(-0.5));
  const e = exp(square, n, r);
  const series = [-1.453152027, 1.421413741, -0.284496736, 0.254829592].reduce<Code>(
    (sum, c) => f32x4.add(f32x4.mul(sum, t.get), f32x4.const(c)),
    f32x4.const(1.061405429),
  );
  const half = f32x4.mul(value.get, f32x4.const(0.5));
  return f.body(
    end.set(behind(y, count)),
    each(
      y,
      end.get,
      [
        value.set(f32x4.add(v128.load(y.get), v128.load(bias.get))),
        t.set(
          f32x4.div(
            f32x4.const(1),
            f32x4.add(f32x4.mul(f32x4.abs(value.get), f32x4.const(0.3275911 * Math.SQRT1_2)), f32x4.const(1)),
          ),
        ),
        ...e.before,
        // erf(|z|), which gets the sign of z
        r.set(f32x4.sub(f32x4.const(1), f32x4.mul(f32x4.mul(series, t.get), e.value))),
        v128.store(y.get, f32x4.add(half, f32x4.mul(f32x4.abs(half), r.get))),
      ],
      [bias],
    ),
  );
}

/** y = y + bias. Parameters: y, bias, count. */
export function addBias(): FinishedFunc {
  const f = new Func("addBias", 3);
  const [y, bias, count] = f.given;
  const end = f.local(I32);
  return f.body(
    end.set(behind(y, count)),
    each(y, end.get, [v128.store(y.get, f32x4.add(v128.load(y.get), v128.load(bias.get)))], [bias]),
  );
}

/** x = x + gate * (y + bias). Parameters: x, y, bias, gate, count. */
export function addGated(): FinishedFunc {
  const f = new Func("addGated", 5);
  const [x, y, bias, gate, count] = f.given;
  const end = f.local(I32);
  const change = f32x4.mul(v128.load(gate.get), f32x4.add(v128.load(y.get), v128.load(bias.get)));
  return f.body(
    end.set(behind(x, count)),
    each(x, end.get, [v128.store(x.get, f32x4.add(v128.load(x.get), change))], [y, bias, gate]),
  );
}

/**
 * Puts one position's key and value into the cache. Parameters: key, its place in the keys' tile (16 bytes from number to
 * number), value, its place in the values' first tile, bytes from tile to tile, width of a head.
 */
export function storeKeyValue(): FinishedFunc {
  const f = new Func("storeKeyValue", 6);
  const [key, keyAt, value, valueAt, tileBytes, width] = f.given;
  const end = f.local(I32);
  return f.body(
    end.set(behind(key, width)),
    each(
      key,
      end.get,
      [
        ...[0, 1, 2, 3].map((i) => f32.store(keyAt.get, f32.load(key.get, 4 * i), 16 * i)),
        keyAt.step(64),
        v128.store(valueAt.get, v128.load(value.get)),
        valueAt.set(i32.add(valueAt.get, tileBytes.get)),
      ],
      [value],
    ),
  );
}

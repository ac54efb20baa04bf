/** Where threads wait for each other, as WebAssembly: they spin for some microseconds, which is what a phase mostly lasts, then sleep. */
import { doWhile, drop, type FinishedFunc, Func, I32, i32, leave, trap, when } from "./code.js";

/** Address of a memory's barrier: three words on cache lines of their own, in the page before the weights. */
export const BARRIER_AT = 64;
const GENERATION = 64;
const SLEEPERS = 128;
const SPINS = 20_000;
/** Nobody computes one phase for so long: a thread must be gone. */
const PATIENCE_NS = 60e9;

/** Returns when as many threads as there are have called it. Parameters: the barrier's bytes (zero at first), the threads. */
export function barrier(): FinishedFunc {
  const f = new Func("barrier", 2);
  const [arrived, threads] = f.given;
  const [generation, sleepers, mine, spins] = f.locals(I32, 4);
  const waiting = i32.eq(i32.atomicLoad(generation.get), mine.get);
  return f.body(
    generation.set(i32.add(arrived.get, i32.const(GENERATION))),
    sleepers.set(i32.add(arrived.get, i32.const(SLEEPERS))),
    mine.set(i32.atomicLoad(generation.get)),
    when(i32.eq(i32.add(i32.atomicAdd(arrived.get, i32.const(1)), i32.const(1)), threads.get), [
      i32.atomicStore(arrived.get, i32.const(0)),
      drop(i32.atomicAdd(generation.get, i32.const(1))),
      when(i32.atomicLoad(sleepers.get), [drop(i32.atomicNotify(generation.get, i32.const(-1)))]),
      leave,
    ]),
    spins.set(i32.const(SPINS)),
    doWhile([when(i32.ne(i32.atomicLoad(generation.get), mine.get), [leave]), spins.step(-1)], spins.get),
    drop(i32.atomicAdd(sleepers.get, i32.const(1))),
    doWhile(
      [when(i32.eq(i32.atomicWait(generation.get, mine.get, PATIENCE_NS), i32.const(2)), [trap])],
      waiting,
    ),
    drop(i32.atomicAdd(sleepers.get, i32.const(-1))),
  );
}

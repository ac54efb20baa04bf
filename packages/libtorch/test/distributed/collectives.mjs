// Every collective operation once; prints what this rank saw as JSON.
import { distributed, liveTensors, numbers, scope, tensor, zeros } from "libtorch";

const { allGather, allReduce, allReduceAsync, barrier, broadcast, localRank, rank, worldSize } = distributed;
distributed.initProcessGroup({ backend: "gloo", timeoutSeconds: 20 });
const r = rank();
const seen = { rank: r, localRank: localRank(), worldSize: worldSize() };
scope(() => {
  for (const how of ["sum", "avg", "max", "min"])
    seen[how] = numbers(allReduce(tensor([r + 1, 2 * r, -r]), how));
  seen.integers = numbers(allReduce(tensor([BigInt(r) + 1n, 2n ** 40n])));
  seen.float16 = numbers(allReduce(tensor([0.5 + r], { dtype: "float16" })));
  seen.broadcast = numbers(broadcast(tensor([10 * r, 3]), 1));
  seen.gathered = allGather(tensor([[r], [r + 0.5]])).map((x) => ({ shape: x.shape, numbers: numbers(x) }));
  const wrong = [
    () => allReduce(tensor([1n]), "avg"),
    () => allReduce(tensor([1]), "product"),
    () => broadcast(tensor([1]), 9),
  ];
  seen.refused = wrong.map((call) => {
    try {
      return String(call());
    } catch (error) {
      return `${error.name}: ${error.message}`;
    }
  });
  // A scope disposes the tensor while the operation still needs its memory, which others then want to have.
  const source = tensor(new Float32Array(1_000_000).fill(r + 1));
  const memory = source.memory();
  const work = allReduceAsync(source);
  source.dispose();
  for (let i = 0; i < 20; i++) scope(() => zeros([1_000_000]).size);
  work.wait();
  if (!work.done) throw new Error("It is done after wait().");
  seen.large = memory.reduce((a, b) => Math.max(a, b));
});
barrier();
seen.leaked = liveTensors().count;
console.log(JSON.stringify(seen));

/** What libtorch can do at best on a device: large products, and a streaming read where that is the GPU's to do. */
import type { DType } from "libtorch";
import * as torch from "libtorch";

export interface DeviceSpeed {
  /** Floating-point operations a second of a large product in the given type. */
  readonly flops: number;
  /** Bytes a second of a streaming read; on a GPU only. */
  readonly bytesPerSecond?: number | undefined;
}

/** Blocks the calling thread for about a second. */
export function deviceSpeed(device: string, dtype: DType, threads: number): DeviceSpeed {
  torch.setThreads(threads);
  if (device === "cpu") return { flops: product(device, dtype, 2048) };
  return { flops: product(device, dtype, 8192), bytesPerSecond: streamingRead(device) };
}

function product(device: string, dtype: DType, size: number): number {
  return torch.noGrad(() =>
    torch.scope(() => {
      const [a, b] = [0, 1].map(() => torch.to(torch.rand([size, size], { device }), { dtype })) as [
        torch.Tensor,
        torch.Tensor,
      ];
      return (2 * size ** 3) / best(12, device, () => torch.mm(a, b));
    }),
  );
}

/** The sum of 4 GB, twice the cache of any GPU many times over. */
function streamingRead(device: string): number {
  const count = 2 ** 30;
  return torch.noGrad(() =>
    torch.scope(() => {
      const x = torch.ones([count], { device });
      return (4 * count) / best(12, device, () => torch.sum(x));
    }),
  );
}

/** Least seconds of several runs, each waited for. */
function best(runs: number, device: string, fn: () => torch.Tensor): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    torch.scope(() => {
      const start = performance.now();
      fn();
      if (device !== "cpu") torch.cuda.synchronize(device);
      least = Math.min(least, (performance.now() - start) / 1000);
    });
  }
  return least;
}

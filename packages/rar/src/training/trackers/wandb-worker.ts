/**
 * Sends a run with @wandb/sdk, in a thread of its own: the SDK handles the process's signals, prints, asks for keys and
 * throws where nobody can catch it, none of which may reach a training.
 */
import { parentPort, workerData } from "node:worker_threads";

/** What the thread is started with. */
export interface WandbOrder {
  /** Of the SDK: its name, or another module in its place. */
  readonly module: string;
  readonly project: string;
  readonly entity: string | undefined;
  readonly title: string;
  readonly config: unknown;
}

export type ToWandb =
  | { readonly type: "log"; readonly step: number; readonly values: Record<string, number> }
  | { readonly type: "finish" };

export type FromWandb =
  | { readonly type: "ready"; readonly url: string | undefined }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "finished" };

/** As much of @wandb/sdk 0.5 as is used here. */
interface Sdk {
  init(options: {
    readonly project: string;
    readonly entity?: string | undefined;
    readonly name: string;
    readonly config: unknown;
    /** Added to those it reads from WANDB_API_KEY, WANDB_BASE_URL and WANDB_MODE. */
    readonly settings: { readonly silent: boolean };
  }): Promise<{ url?(): string }>;
  log(values: Record<string, number>, step: number): void;
  finish(): Promise<void>;
}

const tell = (message: FromWandb): void => parentPort!.postMessage(message);

async function open(order: WandbOrder): Promise<Sdk> {
  const loaded = (await import(order.module)) as { readonly default: Sdk };
  const sdk = loaded.default;
  const { project, entity, title: name, config } = order;
  const run = await sdk.init({ project, entity, name, config, settings: { silent: true } });
  tell({ type: "ready", url: run.url?.() });
  return sdk;
}

if (parentPort) {
  const opened = open(workerData as WandbOrder);
  const failed = (error: unknown): void => {
    tell({ type: "failed", why: error instanceof Error ? error.message : String(error) });
  };
  opened.catch(failed);
  parentPort.on("message", (message: ToWandb) => {
    opened
      .then(async (sdk) => {
        if (message.type === "log") return sdk.log(message.values, message.step);
        await sdk.finish();
        tell({ type: "finished" });
      })
      .catch(() => {}); // said by `failed`, or by the thread's own end
  });
}

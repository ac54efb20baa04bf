/** Streams and events: the order of a GPU's work. */
import { refusePromise } from "../scope.js";
import { slotOf, type Tensor } from "../tensor.js";
import type { NativeEvent, NativeStream } from "./addon.js";
import { cudaNative } from "./available.js";

export interface StreamOptions {
  /** Default: the current device. */
  readonly device?: string | undefined;
  readonly highPriority?: boolean | undefined;
}

/** A queue of work on one device. What is queued on different streams may run at the same time, in any order. */
export class Stream {
  /** @internal */
  readonly handle: NativeStream;

  /** One of PyTorch's pool of 32 a device: the 33rd is the first again. */
  constructor(options: StreamOptions = {}, /** @internal */ handle?: NativeStream) {
    this.handle = handle ?? cudaNative().stream(options.device ?? "cuda", options.highPriority ?? false);
  }

  /** Where this thread's work on the device goes now. */
  static current(device = "cuda"): Stream {
    return new Stream({}, cudaNative().currentStream(device));
  }

  /**
   * Queues here what `fn` computes, and makes the stream's device the current one meanwhile. Tensors that come from
   * another stream must be ready: {@link waitFor} that stream first; and {@link uses} keeps their memory.
   * @throws {TypeError} when `fn` returns a promise
   */
  run<R>(fn: () => R): R {
    const before = cudaNative().enterStream(this.handle);
    try {
      const result = fn();
      refusePromise(result, "Stream.run");
      return result;
    } finally {
      cudaNative().leaveStream(before);
    }
  }

  /** What is queued here from now on starts after the event, or after what the other stream has queued so far. */
  waitFor(earlier: Event | Stream): void {
    const event = earlier instanceof Event ? earlier : new Event();
    if (earlier instanceof Stream) event.record(earlier);
    cudaNative().waitEvent(event.handle, this.handle);
  }

  /**
   * Says that this stream reads or writes a tensor made on another one, so that the tensor's memory, once freed, is not
   * given out before the stream's work queued so far is done. PyTorch's `record_stream`.
   */
  uses(x: Tensor): void {
    cudaNative().recordStream(slotOf(x), this.handle);
  }

  /** Waits until everything queued here is done. */
  synchronize(): void {
    cudaNative().synchronizeStream(this.handle);
  }

  /** Whether everything queued here is done. */
  get done(): boolean {
    return cudaNative().queryStream(this.handle);
  }
}

export interface EventOptions {
  /** Whether {@link Event.elapsed} will be asked. Default false: without times an event costs less. */
  readonly timing?: boolean | undefined;
}

/** A point in a stream: to be waited for, or to measure times between. */
export class Event {
  /** @internal */
  readonly handle: NativeEvent;

  constructor({ timing = false }: EventOptions = {}) {
    this.handle = cudaNative().event(timing);
  }

  /** Sets it behind what the stream has queued so far. Again: it moves there. */
  record(stream = Stream.current()): this {
    cudaNative().recordEvent(this.handle, stream.handle);
    return this;
  }

  /** Waits until the stream has come there. */
  synchronize(): void {
    cudaNative().synchronizeEvent(this.handle);
  }

  /** Milliseconds of the device from this event to a later one; waits for both. */
  elapsed(later: Event): number {
    return cudaNative().elapsed(this.handle, later.handle);
  }
}

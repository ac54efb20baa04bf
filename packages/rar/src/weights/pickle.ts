/**
 * A closed unpickler: a stack machine for the opcodes that a state dict needs. It makes plain values, asks its
 * rules about every global and call, and can execute nothing. Time and memory grow with the input's length.
 */
import type { DType } from "./tensor-file.js";

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | { readonly kind: "tuple"; readonly items: readonly PickleValue[] }
  | { readonly kind: "list"; readonly items: PickleValue[] }
  | { readonly kind: "dict"; readonly entries: Map<PickleValue, PickleValue> }
  | { readonly kind: "global"; readonly name: string }
  | PickledStorage
  | PickledTensor
  /** Something known and of no use here, such as a device. */
  | { readonly kind: "ignored" };

export interface PickledStorage {
  readonly kind: "storage";
  readonly key: string;
  /** undefined for an untyped storage: its elements are bytes. */
  readonly dtype: DType | undefined;
  readonly elements: number;
  /** First element of a view into the storage `key`, of old files. */
  readonly first: number;
}

/** As the pickle has it: NaN stands where there was no number. Checked once the tensor's name is known. */
export interface PickledTensor {
  readonly kind: "tensor";
  readonly storage: PickledStorage;
  readonly dtype: DType;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What may be named, called and referred to. Each throws PickleError to refuse. */
export interface PickleRules {
  global(name: string): PickleValue;
  call(name: string, args: readonly PickleValue[]): PickleValue;
  persistent(id: PickleValue): PickleValue;
}

/** Why a pickle was refused; the caller adds the file's name. */
export class PickleError extends Error {}
/** The pickle goes on beyond the bytes given. */
export class PickleCutShort extends PickleError {
  constructor() {
    super("its pickle ends in the middle");
  }
}

/** Far more than any state dict has (60 a tensor); bounds the memory of hostile ones. */
const maxOperations = 500_000;
/** Python's whole numbers of up to 16 bytes: the magic number of old files has 10. */
const maxIntegerBytes = 16;

/** Runs one pickle from `start`; `end` is the position after it. */
export function unpickle(
  bytes: Uint8Array,
  start: number,
  rules: PickleRules,
): { readonly value: PickleValue; readonly end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: PickleValue[] = [];
  const marks: number[] = [];
  const memo = new Map<number, PickleValue>();
  let at = start;

  const take = (length: number): number => {
    const begin = at;
    if (length > bytes.length - at) throw new PickleCutShort();
    at += length;
    return begin;
  };
  const u8 = (): number => view.getUint8(take(1));
  const u32 = (): number => view.getUint32(take(4), true);
  const text = (length: number): string => {
    const begin = take(length);
    try {
      return utf8.decode(bytes.subarray(begin, at));
    } catch {
      throw new PickleError("its pickle has a string that is not UTF-8");
    }
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0 && bytes.length - at <= maxName) throw new PickleCutShort();
    if (end < 0 || end - at > maxName) throw new PickleError("its pickle has a global with an endless name");
    const result = text(end - at);
    at++;
    return result;
  };
  const pop = (): PickleValue => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw new PickleError("its pickle takes from an empty stack");
    return stack.pop() as PickleValue;
  };
  const top = (): PickleValue => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const popToMark = (): PickleValue[] => {
    const mark = marks.pop();
    if (mark === undefined) throw new PickleError("its pickle has no mark where one belongs");
    return stack.splice(mark);
  };
  const integer = (length: number): PickleValue => {
    if (length > maxIntegerBytes) throw new PickleError(`its pickle has a whole number of ${length} bytes`);
    const begin = take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[begin + i]!);
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };
  const append = (items: readonly PickleValue[]): void => {
    const list = top();
    if (!isKind(list, "list")) throw new PickleError("its pickle appends to something that is no list");
    for (const item of items) list.items.push(item);
  };
  const setItems = (items: readonly PickleValue[]): void => {
    const dict = top();
    if (!isKind(dict, "dict")) throw new PickleError("its pickle sets an item of something that is no dict");
    if (items.length % 2 !== 0) throw new PickleError("its pickle has a key without a value");
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i]!, items[i + 1]!);
  };
  const tuple = (items: readonly PickleValue[]): void => {
    stack.push({ kind: "tuple", items });
  };
  const remembered = (index: number): void => {
    const value = memo.get(index);
    if (value === undefined)
      throw new PickleError(`its pickle refers to value ${index}, which it never made`);
    stack.push(value);
  };
  const reduce = (): void => {
    const args = pop();
    const callee = pop();
    if (!isKind(callee, "global")) throw new PickleError("its pickle calls something that is no function");
    if (!isKind(args, "tuple")) throw new PickleError(`its pickle calls ${callee.name} without a tuple`);
    stack.push(rules.call(callee.name, args.items));
  };
  const build = (): void => {
    const state = pop();
    // An OrderedDict's attributes (`_metadata` of a state dict) are of no use here.
    if (!isKind(top(), "dict") || !isKind(state, "dict"))
      throw new PickleError("its pickle sets the state of an object, which a state dict does not need");
  };

  for (let operations = 0; operations < maxOperations; operations++) {
    const opcode = u8();
    switch (opcode) {
      case 0x80: {
        const protocol = u8();
        if (protocol < 2 || protocol > 5) throw new PickleError(`its pickle has protocol ${protocol}`);
        break;
      }
      case 0x95: // FRAME
        take(8); // its length is a hint for reading ahead
        break;
      case 0x2e: // STOP
        if (stack.length !== 1 || marks.length > 0)
          throw new PickleError("its pickle stops with values left");
        return { value: stack[0] as PickleValue, end: at };
      case 0x28: // MARK
        marks.push(stack.length);
        break;
      case 0x4e:
        stack.push(null);
        break;
      case 0x88:
        stack.push(true);
        break;
      case 0x89:
        stack.push(false);
        break;
      case 0x4a: // BININT
        stack.push(view.getInt32(take(4), true));
        break;
      case 0x4b: // BININT1
        stack.push(u8());
        break;
      case 0x4d: // BININT2
        stack.push(view.getUint16(take(2), true));
        break;
      case 0x8a: // LONG1
        stack.push(integer(u8()));
        break;
      case 0x8b: // LONG4
        stack.push(integer(u32()));
        break;
      case 0x47: // BINFLOAT
        stack.push(view.getFloat64(take(8)));
        break;
      case 0x58: // BINUNICODE
      case 0x54: // BINSTRING, of Python 2
        stack.push(text(u32()));
        break;
      case 0x8c: // SHORT_BINUNICODE
      case 0x55: // SHORT_BINSTRING, of Python 2
        stack.push(text(u8()));
        break;
      case 0x7d:
        stack.push({ kind: "dict", entries: new Map() });
        break;
      case 0x5d:
        stack.push({ kind: "list", items: [] });
        break;
      case 0x29:
        tuple([]);
        break;
      case 0x85: // TUPLE1
        tuple([pop()]);
        break;
      case 0x86: {
        const second = pop();
        tuple([pop(), second]);
        break;
      }
      case 0x87: {
        const third = pop();
        const second = pop();
        tuple([pop(), second, third]);
        break;
      }
      case 0x74: // TUPLE
        tuple(popToMark());
        break;
      case 0x61: // APPEND
        append([pop()]);
        break;
      case 0x65: // APPENDS
        append(popToMark());
        break;
      case 0x73: {
        const value = pop();
        setItems([pop(), value]);
        break;
      }
      case 0x75: // SETITEMS
        setItems(popToMark());
        break;
      case 0x71: // BINPUT
        memo.set(u8(), top());
        break;
      case 0x72: // LONG_BINPUT
        memo.set(u32(), top());
        break;
      case 0x94: // MEMOIZE
        memo.set(memo.size, top());
        break;
      case 0x68: // BINGET
        remembered(u8());
        break;
      case 0x6a: // LONG_BINGET
        remembered(u32());
        break;
      case 0x63: {
        const module = line();
        stack.push(rules.global(`${module}.${line()}`));
        break;
      }
      case 0x93: {
        const [name, module] = [pop(), pop()];
        if (typeof name !== "string" || typeof module !== "string")
          throw new PickleError("its pickle names a global without a string");
        stack.push(rules.global(`${module}.${name}`));
        break;
      }
      case 0x51: // BINPERSID
        stack.push(rules.persistent(pop()));
        break;
      case 0x52:
        reduce();
        break;
      case 0x62:
        build();
        break;
      default:
        throw new PickleError(
          `its pickle has opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${at - 1}, which a state dict does not need`,
        );
    }
  }
  throw new PickleError(`its pickle has over ${maxOperations} operations, far more than any state dict`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Longest line of a module or name. */
const maxName = 512;

export function isKind<K extends Exclude<PickleValue, null | boolean | number | bigint | string>["kind"]>(
  value: PickleValue | undefined,
  kind: K,
): value is Extract<PickleValue, { readonly kind: K }> {
  return typeof value === "object" && value !== null && value.kind === kind;
}

/** What is packed: bytes and texts are alike on the wire, and are read as bytes. */
export type Packable = number | boolean | string | Uint8Array | readonly Packable[];
export type Unpacked = number | boolean | Buffer | readonly Unpacked[];

/**
 * MessagePack, the subset that Redis' cmsgpack writes and reads for lists of numbers, booleans and strings.
 * Source: the MessagePack specification; raw strings carry bytes, as in cmsgpack.
 */
export function pack(value: Packable): Buffer {
  return packAll([value]);
}

/** Packs values one after the other. */
export function packAll(values: readonly Packable[]): Buffer {
  const writer = new Writer();
  for (const value of values) writer.write(value);
  return writer.bytes();
}

/** Reads the first value. */
export function unpack(bytes: Buffer): Unpacked {
  return new Reader(bytes).read();
}

/** Reads all values that stand one after the other. */
export function unpackAll(bytes: Buffer): readonly Unpacked[] {
  const reader = new Reader(bytes);
  const values: Unpacked[] = [];
  while (!reader.isAtEnd) values.push(reader.read());
  return values;
}

export function listOf(value: unknown): readonly Unpacked[] {
  if (!Array.isArray(value)) throw new Error("the store holds something else than a list");
  return value;
}

export function numberOf(value: unknown): number {
  if (typeof value !== "number") throw new Error("the store holds something else than a number");
  return value;
}

export function bytesOf(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) throw new Error("the store holds something else than bytes");
  return value;
}

export function textOf(value: unknown): string {
  return bytesOf(value).toString("utf8");
}

class Writer {
  #buffer = Buffer.allocUnsafe(1_024);
  #length = 0;

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  write(value: Packable): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (value instanceof Uint8Array) this.#binary(value);
    else this.#list(value);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + size));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#length = this.#buffer.writeUInt8(value, this.#length);
  }

  #number(value: number): void {
    this.#reserve(9);
    const buffer = this.#buffer;
    if (!Number.isSafeInteger(value)) {
      buffer[this.#length] = 0xcb;
      this.#length = buffer.writeDoubleBE(value, this.#length + 1);
    } else if (value >= 0 && value < 0x80) {
      this.#length = buffer.writeUInt8(value, this.#length);
    } else if (value >= 0 && value <= 0xffffffff) {
      buffer[this.#length] = 0xce;
      this.#length = buffer.writeUInt32BE(value, this.#length + 1);
    } else {
      buffer[this.#length] = 0xd3;
      this.#length = buffer.writeBigInt64BE(BigInt(value), this.#length + 1);
    }
  }

  #text(value: string): void {
    const size = Buffer.byteLength(value);
    this.#rawHead(size);
    this.#reserve(size);
    this.#length += this.#buffer.write(value, this.#length);
  }

  #binary(value: Uint8Array): void {
    this.#rawHead(value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  #rawHead(size: number): void {
    this.#head(size, { fix: 0xa0, fixMax: 31, large: 0xdb });
  }

  #list(values: readonly Packable[]): void {
    this.#head(values.length, { fix: 0x90, fixMax: 15, large: 0xdd });
    for (const each of values) this.write(each);
  }

  #head(size: number, kind: { readonly fix: number; readonly fixMax: number; readonly large: number }): void {
    this.#reserve(5);
    if (size <= kind.fixMax) {
      this.#length = this.#buffer.writeUInt8(kind.fix + size, this.#length);
      return;
    }
    this.#buffer[this.#length] = kind.large;
    this.#length = this.#buffer.writeUInt32BE(size, this.#length + 1);
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  read(): Unpacked {
    const head = this.#bytes.readUInt8(this.#at);
    this.#at += 1;
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head >= 0xa0 && head < 0xc0) return this.#raw(head - 0xa0);
    if (head >= 0x90 && head < 0xa0) return this.#list(head - 0x90);
    return this.#long(head);
  }

  #long(head: number): Unpacked {
    switch (head) {
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return this.#take(4, (at) => this.#bytes.readFloatBE(at));
      case 0xcb:
        return this.#take(8, (at) => this.#bytes.readDoubleBE(at));
      case 0xcc:
        return this.#take(1, (at) => this.#bytes.readUInt8(at));
      case 0xcd:
        return this.#take(2, (at) => this.#bytes.readUInt16BE(at));
      case 0xce:
        return this.#take(4, (at) => this.#bytes.readUInt32BE(at));
      case 0xcf:
        return this.#take(8, (at) => Number(this.#bytes.readBigUInt64BE(at)));
      case 0xd0:
        return this.#take(1, (at) => this.#bytes.readInt8(at));
      case 0xd1:
        return this.#take(2, (at) => this.#bytes.readInt16BE(at));
      case 0xd2:
        return this.#take(4, (at) => this.#bytes.readInt32BE(at));
      case 0xd3:
        return this.#take(8, (at) => Number(this.#bytes.readBigInt64BE(at)));
      case 0xd9:
        return this.#raw(this.#take(1, (at) => this.#bytes.readUInt8(at)));
      case 0xda:
        return this.#raw(this.#take(2, (at) => this.#bytes.readUInt16BE(at)));
      case 0xdb:
        return this.#raw(this.#take(4, (at) => this.#bytes.readUInt32BE(at)));
      case 0xdc:
        return this.#list(this.#take(2, (at) => this.#bytes.readUInt16BE(at)));
      case 0xdd:
        return this.#list(this.#take(4, (at) => this.#bytes.readUInt32BE(at)));
      default:
        throw new Error(`the store holds a packed value of the unknown kind ${head}`);
    }
  }

  #take(size: number, read: (at: number) => number): number {
    const value = read(this.#at);
    this.#at += size;
    return value;
  }

  #raw(size: number): Buffer {
    const from = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) throw new Error("a packed value of the store is cut short");
    return this.#bytes.subarray(from, this.#at);
  }

  #list(size: number): readonly Unpacked[] {
    const values: Unpacked[] = [];
    for (let left = size; left > 0; left -= 1) values.push(this.read());
    return values;
  }
}

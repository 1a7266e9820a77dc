import { isIP } from 'node:net';

/** What a load balancer says of the connection that it passes on. */
export interface ProxiedConnection {
  /** Bytes of the header; what is behind them belongs to the client. */
  readonly length: number;
  /** The client; null: the balancer speaks for itself (a health check), or the family is unknown. */
  readonly address: string | null;
}

/** More bytes are still needed, this is no header, or here it is. */
export type ProxyHeader = 'more' | 'none' | ProxiedConnection;

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V1 = Buffer.from('PROXY ');
/** The longest line that version 1 allows, with its end. */
const V1_MOST = 107;
/** Addresses and what else a balancer adds; the protocol would allow 64 KiB. */
const V2_MOST = 16 + 2048;

/** Reads the PROXY protocol's header, version 1 or 2, from the first bytes of a connection. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < 16 ? 'more' : readV2(bytes);
  if (startsLike(bytes, V1)) return readV1(bytes);
  return 'none';
}

/** Whether the bytes are the beginning of the prefix, or begin with it. */
const startsLike = (bytes: Buffer, prefix: Buffer): boolean => {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.subarray(0, length).equals(prefix.subarray(0, length));
};

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MOST).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MOST ? 'more' : 'none';
  const [, protocol, source = '', target = '', sourcePort = '', targetPort = '', ...more] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (protocol === 'UNKNOWN') return { length, address: null };
  const family = protocol === 'TCP4' ? 4 : protocol === 'TCP6' ? 6 : -1;
  const fits = isIP(source) === family && isIP(target) === family && isPort(sourcePort) && isPort(targetPort) && more.length === 0;
  return fits ? { length, address: source } : 'none';
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

function readV2(bytes: Buffer): ProxyHeader {
  const version = bytes.readUInt8(12);
  const family = bytes.readUInt8(13);
  const length = 16 + bytes.readUInt16BE(14);
  if (version >> 4 !== 2 || (version & 15) > 1 || length > V2_MOST) return 'none';
  if (bytes.length < length) return 'more';
  // LOCAL: the balancer's own connection.
  if ((version & 15) === 0) return { length, address: null };
  if (family === 0x11) return length < 28 ? 'none' : { length, address: [...bytes.subarray(16, 20)].join('.') };
  if (family === 0x21) return length < 52 ? 'none' : { length, address: ipv6(bytes.subarray(16, 32)) };
  return { length, address: null };
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, n) => bytes.readUInt16BE(2 * n).toString(16)).join(':');
  // As everybody writes it: the longest run of zeros is left out.
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}

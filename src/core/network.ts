import { BlockList, isIP } from 'node:net';

/** Names of networks: in which of them is an address? */
export type NetworkTable = (address: string) => string | undefined;

const CIDR = /^(.+)\/(\d{1,3})$/;

/** Whether a text is a network such as 10.0.0.0/8 or 2001:db8::/32, or one address. */
export function isNetwork(text: string): boolean {
  const [, address = text, prefix] = CIDR.exec(text) ?? [];
  const family = isIP(address);
  return family !== 0 && (prefix === undefined || Number(prefix) <= (family === 4 ? 32 : 128));
}

/** The name of the first entry with a network that has the address. */
export function networkTable(names: Readonly<Record<string, readonly string[]>>): NetworkTable {
  const lists = Object.entries(names).map(([name, networks]) => {
    const list = new BlockList();
    for (const network of networks) {
      const [, address = network, prefix] = CIDR.exec(network) ?? [];
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(prefix), family);
    }
    return { name, list };
  });
  return (address) => {
    const family = isIP(address);
    if (family === 0) return undefined;
    return lists.find(({ list }) => list.check(address, family === 6 ? 'ipv6' : 'ipv4'))?.name;
  };
}

/**
 * The network of an address, as a key for everybody in it: `203.0.113.0/24`. An address in another
 * form (a socket of the machine, a proxy's nickname) is its own network.
 */
export function networkOf(address: string, prefixes: { readonly v4: number; readonly v6: number }): string {
  const family = isIP(address);
  if (family === 4) {
    const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    return `${dotted(masked(value, prefixes.v4))}/${prefixes.v4}`;
  }
  if (family !== 6) return address;
  const groups = groupsOf(address).map((group, index) => {
    const kept = Math.min(16, Math.max(0, prefixes.v6 - index * 16));
    return Math.floor(group / 2 ** (16 - kept)) * 2 ** (16 - kept);
  });
  return `${groups.map((group) => group.toString(16)).join(':')}/${prefixes.v6}`;
}

const masked = (value: number, prefix: number): number => Math.floor(value / 2 ** (32 - prefix)) * 2 ** (32 - prefix);

const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
  const plain = address.split('%', 1)[0] ?? address;
  const lastColon = plain.lastIndexOf(':') + 1;
  const embedded = plain.slice(lastColon);
  const text = embedded.includes('.') ? plain.slice(0, lastColon) + asGroups(embedded) : plain;
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  return [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => 0), ...right];
}

function asGroups(dottedAddress: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = dottedAddress.split('.').map(Number);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

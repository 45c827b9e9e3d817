import type { MsgHdrs } from 'nats';

const decoder = new TextDecoder();

/** `[name, value]` in the order of the wire; a name may repeat. */
export type HeaderList = [name: string, value: string][];

/** Reads a raw header block (`NATS/1.0[ status]\r\n` name: value lines). An empty block is an empty list. */
export function parseHeaders(raw: Uint8Array): HeaderList {
  if (raw.length === 0) return [];
  const list: HeaderList = [];
  const lines = decoder.decode(raw).split('\r\n');
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) list.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return list;
}

/** The first value of a header, matched without case. */
export function headerOf(list: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return list.find(([key]) => key.toLowerCase() === wanted)?.[1];
}

/**
 * Where a sourced message came from: `Nats-Stream-Source: <stream> <seq> <filters> <dests> [<subject>]`. An external
 * stream is named `name:hash`, and so is none of this account's, whose names may have a colon; undefined for a message that was published here.
 */
export function sourceOf(list: HeaderList): { stream: string; seq: number } | undefined {
  const value = headerOf(list, 'Nats-Stream-Source');
  if (!value) return undefined;
  const [stream, seq] = value.split(' ');
  if (!stream || !seq) return undefined;
  return { stream, seq: Number(seq) };
}

/** The client's headers by name, as they came; without any, an empty map. */
export const headersOf = (headers: MsgHdrs | undefined): Map<string, string[]> =>
  new Map(headers ? [...headers] : []);

/** struct __sk_buff and struct xdp_md, as socket filters, traffic classifiers and XDP programs see them. */
import {
  PTR_MAYBE_NULL,
  PTR_TO_PACKET,
  PTR_TO_PACKET_END,
  PTR_TO_PACKET_META,
  PTR_TO_SOCK_COMMON,
  SCALAR_VALUE,
} from "../register-state.ts";
import type { ContextAccess, ContextField } from "./index.ts";

const SCALAR: ContextField = { type: SCALAR_VALUE };

// Offsets of the fields of struct __sk_buff.
const SKB_MARK = 8;
const SKB_QUEUE_MAPPING = 12;
const SKB_PRIORITY = 32;
const SKB_TC_INDEX = 44;
const SKB_CB = 48;
const SKB_CB_END = 68;
const SKB_TC_CLASSID = 72;
const SKB_DATA = 76;
const SKB_DATA_END = 80;
const SKB_FAMILY = 88;
const SKB_LOCAL_PORT = 136;
const SKB_DATA_META = 140;
const SKB_FLOW_KEYS = 144;
const SKB_TSTAMP = 152;
const SKB_WIRE_LEN = 160;
const SKB_SK = 168;
const SKB_TSTAMP_TYPE = 180;
const SKB_HWTSTAMP = 184;
const SKB_SIZE = 192;

const inRange = (offset: number, start: number, end: number): boolean => offset >= start && offset < end;

/** What holds for every kind of program with this context. */
function skbAccess(offset: number, size: number, isWrite: boolean): ContextField | null {
  if (offset < 0 || offset >= SKB_SIZE || offset % size !== 0) return null;
  if (inRange(offset, SKB_CB, SKB_CB_END)) return offset + size > SKB_CB_END ? null : SCALAR;
  if (offset === SKB_DATA || offset === SKB_DATA_END || offset === SKB_DATA_META) return size === 4 ? SCALAR : null;
  if (inRange(offset, SKB_FLOW_KEYS, SKB_FLOW_KEYS + 8)) return null;
  if (inRange(offset, SKB_HWTSTAMP, SKB_HWTSTAMP + 8)) return isWrite || size !== 8 ? null : SCALAR;
  if (inRange(offset, SKB_TSTAMP, SKB_TSTAMP + 8)) return size === 8 ? SCALAR : null;
  if (inRange(offset, SKB_SK, SKB_SK + 8)) {
    return isWrite || size !== 8 ? null : { type: PTR_TO_SOCK_COMMON | PTR_MAYBE_NULL };
  }
  if (offset === SKB_TSTAMP_TYPE) return null;
  if (inRange(offset, SKB_TSTAMP_TYPE + 1, SKB_HWTSTAMP)) return null;
  // Other fields have 32 bits: written whole, read in parts too.
  if (isWrite) return size === 4 ? SCALAR : null;
  return size <= 4 ? SCALAR : null;
}

export const socketFilterAccess: ContextAccess = (offset, size, isWrite) => {
  const forbidden =
    inRange(offset, SKB_TC_CLASSID, SKB_DATA_END + 4) ||
    inRange(offset, SKB_DATA_META, SKB_DATA_META + 4) ||
    inRange(offset, SKB_FAMILY, SKB_LOCAL_PORT + 4) ||
    inRange(offset, SKB_TSTAMP, SKB_TSTAMP + 8) ||
    inRange(offset, SKB_WIRE_LEN, SKB_WIRE_LEN + 4) ||
    inRange(offset, SKB_HWTSTAMP, SKB_HWTSTAMP + 8);
  if (forbidden) return null;
  if (isWrite && !inRange(offset, SKB_CB, SKB_CB_END)) return null;
  return skbAccess(offset, size, isWrite);
};

export const classifierAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite) {
    const writable =
      inRange(offset, SKB_MARK, SKB_MARK + 4) ||
      inRange(offset, SKB_TC_INDEX, SKB_TC_INDEX + 4) ||
      inRange(offset, SKB_PRIORITY, SKB_PRIORITY + 4) ||
      inRange(offset, SKB_TC_CLASSID, SKB_TC_CLASSID + 4) ||
      inRange(offset, SKB_CB, SKB_CB_END) ||
      inRange(offset, SKB_TSTAMP, SKB_TSTAMP + 8) ||
      inRange(offset, SKB_QUEUE_MAPPING, SKB_QUEUE_MAPPING + 4);
    if (!writable) return null;
  }
  const field = skbAccess(offset, size, isWrite);
  if (offset === SKB_TSTAMP_TYPE) return size === 1 && !isWrite ? SCALAR : null;
  if (inRange(offset, SKB_FAMILY, SKB_LOCAL_PORT + 4)) return null;
  if (field === null) return null;
  if (offset === SKB_DATA) return { type: PTR_TO_PACKET };
  if (offset === SKB_DATA_META) return { type: PTR_TO_PACKET_META };
  if (offset === SKB_DATA_END) return { type: PTR_TO_PACKET_END };
  return field;
};

// struct xdp_md.
const XDP_DATA = 0;
const XDP_DATA_END = 4;
const XDP_DATA_META = 8;
const XDP_EGRESS_IFINDEX = 20;
const XDP_SIZE = 24;

export const xdpAccess: ContextAccess = (offset, size, isWrite) => {
  if (isWrite || offset < 0 || offset >= XDP_SIZE || offset % size !== 0 || size !== 4) return null;
  if (offset === XDP_EGRESS_IFINDEX) return null;
  if (offset === XDP_DATA) return { type: PTR_TO_PACKET };
  if (offset === XDP_DATA_META) return { type: PTR_TO_PACKET_META };
  if (offset === XDP_DATA_END) return { type: PTR_TO_PACKET_END };
  return SCALAR;
};

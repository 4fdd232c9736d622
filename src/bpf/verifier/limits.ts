/** Offsets of pointers, and sizes, stay below this, so that no sum of two overflows. */
export const BPF_MAX_VAR_OFF = 1 << 29;

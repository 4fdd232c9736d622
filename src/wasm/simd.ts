/**
 * The 128-bit instructions (WebAssembly core specification, section 5.4.9; opcodes after the 0xfd prefix). Lane `shape`s are
 * those of the specification; a vector constant is given as sixteen bytes.
 */
import { type Expr, simd, type ValueType } from "./expression.ts";

const binary =
  (opcode: number) =>
  (a: Expr, b: Expr): Expr =>
    simd("v128", opcode, [a, b]);
const unary =
  (opcode: number, type: ValueType = "v128") =>
  (a: Expr): Expr =>
    simd(type, opcode, [a]);
/** vector, i32 count modulo the lane's width */
const shift = binary;
const extract =
  (opcode: number, type: ValueType) =>
  (a: Expr, lane: number): Expr =>
    simd(type, opcode, [a], [lane]);
const replace =
  (opcode: number) =>
  (a: Expr, lane: number, value: Expr): Expr =>
    simd("v128", opcode, [a, value], [lane]);

export const v128 = {
  constant: (bytes: readonly number[]): Expr => simd("v128", 12, [], bytes),
  /** Result byte i is byte lanes[i] of a (0 to 15) or of b (16 to 31). */
  shuffle: (a: Expr, b: Expr, lanes: readonly number[]): Expr => simd("v128", 13, [a, b], lanes),
  /** Result byte i is byte indices[i] of a; 0 where that is above 15. */
  swizzle: binary(14),
  not: unary(77),
  and: binary(78),
  /** a & ~b */
  andnot: binary(79),
  or: binary(80),
  xor: binary(81),
  /** Bits of a where the mask is set, else of b. */
  bitselect: (a: Expr, b: Expr, mask: Expr): Expr => simd("v128", 82, [a, b, mask]),
  any_true: unary(83, "i32"),
} as const;

export const i8x16 = {
  splat: unary(15),
  extract_lane_u: extract(22, "i32"),
  replace_lane: replace(23),
  eq: binary(35),
  gt_s: binary(39),
  all_true: unary(99, "i32"),
  bitmask: unary(100, "i32"),
  narrow_i16x8_s: binary(101),
  narrow_i16x8_u: binary(102),
  shr_s: shift(108),
  add: binary(110),
  add_sat_s: binary(111),
  add_sat_u: binary(112),
  sub: binary(113),
  sub_sat_s: binary(114),
  sub_sat_u: binary(115),
  min_u: binary(119),
  max_u: binary(121),
  avgr_u: binary(123),
  abs: unary(96),
  min_s: binary(118),
  max_s: binary(120),
  shl: shift(107),
  shr_u: shift(109),
  popcnt: unary(98),
} as const;

export const i16x8 = {
  splat: unary(16),
  extract_lane_u: extract(25, "i32"),
  replace_lane: replace(26),
  eq: binary(45),
  gt_s: binary(49),
  extadd_pairwise_i8x16_u: unary(125),
  all_true: unary(131, "i32"),
  bitmask: unary(132, "i32"),
  narrow_i32x4_s: binary(133),
  shl: shift(139),
  shr_s: shift(140),
  shr_u: shift(141),
  add: binary(142),
  add_sat_s: binary(143),
  add_sat_u: binary(144),
  sub: binary(145),
  sub_sat_s: binary(146),
  sub_sat_u: binary(147),
  mul: binary(149),
  min_s: binary(150),
  max_s: binary(152),
  avgr_u: binary(155),
  abs: unary(128),
  q15mulr_sat_s: binary(130),
  narrow_i32x4_u: binary(134),
  extend_low_i8x16_s: unary(135),
  extend_high_i8x16_s: unary(136),
  extend_low_i8x16_u: unary(137),
  extend_high_i8x16_u: unary(138),
  min_u: binary(151),
  max_u: binary(153),
} as const;

export const i32x4 = {
  splat: unary(17),
  extract_lane: extract(27, "i32"),
  replace_lane: replace(28),
  eq: binary(55),
  gt_s: binary(59),
  extadd_pairwise_i16x8_u: unary(127),
  all_true: unary(163, "i32"),
  bitmask: unary(164, "i32"),
  shl: shift(171),
  shr_s: shift(172),
  shr_u: shift(173),
  add: binary(174),
  sub: binary(177),
  mul: binary(181),
  dot_i16x8_s: binary(186),
  extmul_low_i16x8_s: binary(188),
  extmul_high_i16x8_s: binary(189),
  extmul_low_i16x8_u: binary(190),
  extmul_high_i16x8_u: binary(191),
  trunc_sat_f32x4_s: unary(248),
  trunc_sat_f64x2_s_zero: unary(252),
  abs: unary(160),
  neg: unary(161),
  extend_low_i16x8_s: unary(167),
  extend_high_i16x8_s: unary(168),
  extend_low_i16x8_u: unary(169),
  extend_high_i16x8_u: unary(170),
  min_s: binary(182),
  min_u: binary(183),
  max_s: binary(184),
  max_u: binary(185),
} as const;

export const i64x2 = {
  splat: unary(18),
  extract_lane: extract(29, "i64"),
  replace_lane: replace(30),
  all_true: unary(195, "i32"),
  bitmask: unary(196, "i32"),
  shl: shift(203),
  shr_u: shift(205),
  add: binary(206),
  sub: binary(209),
  extmul_low_i32x4_u: binary(222),
  eq: binary(214),
  gt_s: binary(217),
  shr_s: shift(204),
  extend_low_i32x4_s: unary(199),
  extend_low_i32x4_u: unary(201),
  extmul_low_i32x4_s: binary(220),
} as const;

export const f32x4 = {
  splat: unary(19),
  extract_lane: extract(31, "f32"),
  replace_lane: replace(32),
  eq: binary(65),
  ne: binary(66),
  lt: binary(67),
  gt: binary(68),
  le: binary(69),
  ge: binary(70),
  nearest: unary(106),
  trunc: unary(105),
  abs: unary(224),
  sqrt: unary(227),
  add: binary(228),
  sub: binary(229),
  mul: binary(230),
  div: binary(231),
  /** b < a ? b : a */
  pmin: binary(234),
  /** a < b ? b : a */
  pmax: binary(235),
  demote_f64x2_zero: unary(94),
  convert_i32x4_s: unary(250),
  ceil: unary(103),
  floor: unary(104),
  neg: unary(225),
} as const;

export const f64x2 = {
  splat: unary(20),
  extract_lane: extract(33, "f64"),
  replace_lane: replace(34),
  eq: binary(71),
  ne: binary(72),
  lt: binary(73),
  gt: binary(74),
  le: binary(75),
  ge: binary(76),
  nearest: unary(148),
  trunc: unary(122),
  abs: unary(236),
  sqrt: unary(239),
  add: binary(240),
  sub: binary(241),
  mul: binary(242),
  div: binary(243),
  pmin: binary(246),
  pmax: binary(247),
  promote_low_f32x4: unary(95),
  convert_low_i32x4_s: unary(254),
  ceil: unary(116),
  floor: unary(117),
  neg: unary(237),
} as const;

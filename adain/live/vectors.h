/* Vectors of float32 and float64 for engine.c: WebAssembly's, or those of the processor at hand.
 *
 * LANES float32 are in a vector. Products are made of ROWS rows by COLUMNS columns at a time, so many
 * that their sums stay in registers; ACROSS is the same where PARTS vectors are read for each row.
 */
#ifndef VECTORS_H
#define VECTORS_H

#include <stdint.h>

typedef float F;

#ifdef __wasm__
#include <wasm_simd128.h>

#define LANES 4
#define COLUMNS 8
#define ROWS 4   /* with 6 browsers run out of registers, a third slower */
#define ACROSS 4
#define TILES 12 /* Winograd tiles that are transformed together */

typedef v128_t Vector, Doubles;

#define LOAD(p) wasm_v128_load(p)
#define STORE(p, v) wasm_v128_store(p, v)
#define SPLAT(p) wasm_v128_load32_splat(p)
#define ALL(x) wasm_f32x4_splat(x)
#define ADD(a, b) wasm_f32x4_add(a, b)
#define SUB(a, b) wasm_f32x4_sub(a, b)
#define MUL(a, b) wasm_f32x4_mul(a, b)
#define POSITIVE(a) wasm_f32x4_max(a, ALL(0))
#ifdef RELAXED
#define FMA(a, b, c) __builtin_wasm_relaxed_madd_f32x4(a, b, c) /* a b + c, rounded once */
#else
#define FMA(a, b, c) ADD(MUL(a, b), c)
#endif

#define DLOAD(p) wasm_v128_load(p)
#define DSTORE(p, v) wasm_v128_store(p, v)
#define DALL(x) wasm_f64x2_splat(x)
#define DADD(a, b) wasm_f64x2_add(a, b)
#define DSUB(a, b) wasm_f64x2_sub(a, b)
#define DMUL(a, b) wasm_f64x2_mul(a, b)

#else /* GCC's and clang's vector extensions; -ffp-contract=fast makes a * b + c one instruction */

#if defined __AVX512F__
#define WIDTH 64 /* bytes */
#define ROWS 12
#define ACROSS 8
#elif defined __AVX__
#define WIDTH 32
#define ROWS 6
#define ACROSS 4
#else
#define WIDTH 16
#define ROWS 4
#define ACROSS 2
#endif
#define LANES (WIDTH / 4)
#define COLUMNS 16
#define TILES 24

typedef F Vector __attribute__((vector_size(WIDTH)));
typedef F LooseVector __attribute__((vector_size(WIDTH), aligned(4), may_alias));
typedef int32_t Mask __attribute__((vector_size(WIDTH)));
typedef double Doubles __attribute__((vector_size(WIDTH)));
typedef double LooseDoubles __attribute__((vector_size(WIDTH), aligned(8), may_alias));

#define LOAD(p) ((Vector) * (const LooseVector *)(p))
#define STORE(p, v) (*(LooseVector *)(p) = (v))
#define SPLAT(p) ALL(*(p))
#define ALL(x) ((F)(x) - (Vector){0})
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define POSITIVE(a) ((Vector)((Mask)((a) > 0) & (Mask)(a)))
#define FMA(a, b, c) ((a) * (b) + (c))

#define DLOAD(p) ((Doubles) * (const LooseDoubles *)(p))
#define DSTORE(p, v) (*(LooseDoubles *)(p) = (v))
#define DALL(x) ((double)(x) - (Doubles){0})
#define DADD(a, b) ((a) + (b))
#define DSUB(a, b) ((a) - (b))
#define DMUL(a, b) ((a) * (b))
#endif

#define PARTS (COLUMNS / LANES)
#define UNROLLED _Pragma("GCC unroll 16")
#ifdef __clang__
#undef UNROLLED
#define UNROLLED _Pragma("unroll")
#endif

#endif

/* The arithmetic of a style-transfer network on 128-bit vectors, for WebAssembly.
 *
 * A feature map has h x w cells of c float32 numbers, channels last (c is a multiple of 4; of 8
 * where a convolution writes it). In memory it is surrounded by a border of one cell, filled by
 * reflection, and by SLACK further cells to the right and below, which tiles may read and whose
 * values change nothing. Which functions run, in which order and on which maps, is the caller's
 * (web/static/live/engine.js), who reads it from the network's description.
 *
 * adain/live/build.py compiles this file; docs/live.md has the figures.
 */
#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define SLACK 6    /* cells to the right of a map and below it, beside the border */
#define TILES 12   /* Winograd tiles that are transformed together */
#define POINTS 36  /* of a transformed 6 x 6 tile */
#define ROWS 4     /* of a matrix at a time: with 6 browsers run out of registers, a third slower */
#define NOISE 64   /* cells a side, after which the noise repeats */

typedef v128_t Vector; /* 4 float32 */
typedef float F;

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

/* numbers in a row of a map, border and slack included */
static inline int pitch(int w, int c) { return (w + 2 + SLACK) * c; }
/* a cell of a map */
static inline F *cell(F *map, int w, int c, int y, int x) {
  return map + (y + 1) * pitch(w, c) + (x + 1) * c;
}

/* ------------------------------------------------------------------ matrices */

/* Products of ROWS rows with 8 columns; b is k x 8. */
static inline void product_rows(const F *restrict a, int lda, const F *restrict b, F *restrict out,
                                int ldo, int k) {
  Vector sum[ROWS][2];
  for (int i = 0; i < ROWS; i++) sum[i][0] = sum[i][1] = ALL(0);
  for (int n = 0; n < k; n++) {
    Vector b0 = LOAD(b + 8 * n), b1 = LOAD(b + 8 * n + 4);
    for (int i = 0; i < ROWS; i++) {
      Vector s = SPLAT(a + i * lda + n);
      sum[i][0] = FMA(s, b0, sum[i][0]);
      sum[i][1] = FMA(s, b1, sum[i][1]);
    }
  }
  for (int i = 0; i < ROWS; i++) {
    STORE(out + i * ldo, sum[i][0]);
    STORE(out + i * ldo + 4, sum[i][1]);
  }
}

static inline void product1(const F *restrict a, const F *restrict b, F *restrict out, int k) {
  Vector low = ALL(0), high = ALL(0);
  for (int n = 0; n < k; n++) {
    Vector s = SPLAT(a + n);
    low = FMA(s, LOAD(b + 8 * n), low);
    high = FMA(s, LOAD(b + 8 * n + 4), high);
  }
  STORE(out, low);
  STORE(out + 4, high);
}

/* rows x k times k x 8 to rows x 8. */
static void product(const F *a, int lda, const F *b, F *out, int ldo, int rows, int k) {
  int row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    product_rows(a + row * lda, lda, b, out + row * ldo, ldo, k);
  for (; row < rows; row++) product1(a + row * lda, b, out + row * ldo, k);
}

/* ------------------------------------------------------------------ weights */

/* 16-bit whole numbers, a scale for each of co filters of n numbers, to float32. */
void EXPORT(scaled)(const int16_t *in, const F *scales, F *out, int co, int n) {
  for (int o = 0; o < co; o++)
    for (int i = 0; i < n; i++) out[o * n + i] = in[o * n + i] * scales[o];
}

/* co x ci x 3 x 3 to [co/8][9][ci][8], as `direct` reads them; out is zero beyond co. */
void EXPORT(arrange)(const F *in, F *out, int ci, int co) {
  for (int o = 0; o < co; o++)
    for (int i = 0; i < ci; i++)
      for (int t = 0; t < 9; t++)
        out[(((o >> 3) * 9 + t) * ci + i) * 8 + (o & 7)] = in[(o * ci + i) * 9 + t];
}

static void filter6(const F *g, int step, double *out) {
  double a = g[0], b = g[step], c = g[2 * step];
  out[0] = a / 4;
  out[1] = -(a + b + c) / 6;
  out[2] = (b - a - c) / 6;
  out[3] = a / 24 + b / 12 + c / 6;
  out[4] = a / 24 - b / 12 + c / 6;
  out[5] = c;
}

/* co x ci x 3 x 3 to [36][co/8][ci][8], as `winograd` reads them; out is zero beyond co. */
void EXPORT(transform)(const F *in, F *out, int ci, int co) {
  int blocks = (co + 7) / 8;
  for (int o = 0; o < co; o++)
    for (int i = 0; i < ci; i++) {
      const F *g = in + (o * ci + i) * 9;
      double columns[3][6];
      for (int x = 0; x < 3; x++) filter6(g + x, 3, columns[x]);
      for (int y = 0; y < 6; y++) {
        F three[3] = {columns[0][y], columns[1][y], columns[2][y]};
        double row[6];
        filter6(three, 1, row);
        for (int x = 0; x < 6; x++)
          out[(((y * 6 + x) * blocks + (o >> 3)) * ci + i) * 8 + (o & 7)] = row[x];
      }
    }
}

/* ------------------------------------------------------------------ convolutions */

/* 3 x 3 with a stride, to h x w cells; for strides other than 1. */
void EXPORT(direct)(const F *in, F *out, int h, int w, int ci, int co, int stride,
                    const F *weights, const F *bias, int relu) {
  int from = pitch(w * stride, ci);
  for (int y = 0; y < h; y++)
    for (int o = 0; o < co; o += 8) {
      const F *filter = weights + (o / 8) * 9 * ci * 8;
      for (int x = 0; x < w; x += 4) {
        Vector sum[4][2];
        for (int i = 0; i < 4; i++) {
          sum[i][0] = LOAD(bias + o);
          sum[i][1] = LOAD(bias + o + 4);
        }
        for (int t = 0; t < 9; t++) {
          const F *p = in + (y * stride + t / 3) * from + (x * stride + t % 3) * ci;
          const F *q = filter + t * ci * 8;
          for (int k = 0; k < ci; k++) {
            Vector b0 = LOAD(q + 8 * k), b1 = LOAD(q + 8 * k + 4);
            for (int i = 0; i < 4; i++) {
              Vector s = SPLAT(p + i * stride * ci + k);
              sum[i][0] = FMA(s, b0, sum[i][0]);
              sum[i][1] = FMA(s, b1, sum[i][1]);
            }
          }
        }
        for (int i = 0; i < 4 && x + i < w; i++) {
          F *to = cell(out, w, co, y, x + i) + o;
          STORE(to, relu ? POSITIVE(sum[i][0]) : sum[i][0]);
          STORE(to + 4, relu ? POSITIVE(sum[i][1]) : sum[i][1]);
        }
      }
    }
}

static inline void input6(const Vector d[6], Vector out[6]) {
  Vector four = ALL(4), minus5 = ALL(-5);
  out[0] = FMA(four, d[0], FMA(minus5, d[2], d[4]));
  Vector a = SUB(d[4], MUL(four, d[2])), b = SUB(d[3], MUL(four, d[1]));
  out[1] = ADD(a, b);
  out[2] = SUB(a, b);
  Vector e = SUB(d[4], d[2]), f = MUL(ALL(2), SUB(d[3], d[1]));
  out[3] = ADD(e, f);
  out[4] = SUB(e, f);
  out[5] = FMA(four, d[1], FMA(minus5, d[3], d[5]));
}

static inline void output4(const Vector m[6], Vector out[4]) {
  Vector a = ADD(m[1], m[2]), b = SUB(m[1], m[2]), c = ADD(m[3], m[4]), d = SUB(m[3], m[4]);
  out[0] = ADD(ADD(m[0], a), c);
  out[1] = FMA(ALL(2), d, b);
  out[2] = FMA(ALL(4), c, a);
  out[3] = ADD(FMA(ALL(8), d, b), m[5]);
}

/* n tiles from x on in a row of tiles, to [36][TILES][ci]. */
static void tiles_in(const F *in, F *out, int ty, int x, int n, int w, int ci) {
  int row = pitch(w, ci);
  for (int t = 0; t < n; t++)
    for (int c = 0; c < ci; c += 4) {
      const F *p = in + ty * 4 * row + (x + t) * 4 * ci + c;
      Vector rows[6][6];
      for (int i = 0; i < 6; i++) {
        Vector d[6];
        for (int j = 0; j < 6; j++) d[j] = LOAD(p + i * row + j * ci);
        input6(d, rows[i]);
      }
      for (int j = 0; j < 6; j++) {
        Vector d[6], made[6];
        for (int i = 0; i < 6; i++) d[i] = rows[i][j];
        input6(d, made);
        for (int i = 0; i < 6; i++) STORE(out + ((i * 6 + j) * TILES + t) * ci + c, made[i]);
      }
    }
}

/* And back from [36][TILES][co], with bias, what is added and rectification. */
static void tiles_out(const F *in, F *out, const F *plus, const F *bias, int relu, int ty, int x,
                      int n, int h, int w, int co) {
  for (int t = 0; t < n; t++)
    for (int c = 0; c < co; c += 4) {
      Vector rows[4][6], b = LOAD(bias + c);
      for (int j = 0; j < 6; j++) {
        Vector m[6], made[4];
        for (int i = 0; i < 6; i++) m[i] = LOAD(in + ((i * 6 + j) * TILES + t) * co + c);
        output4(m, made);
        for (int i = 0; i < 4; i++) rows[i][j] = made[i];
      }
      for (int i = 0; i < 4 && ty * 4 + i < h; i++) {
        Vector made[4];
        output4(rows[i], made);
        for (int j = 0; j < 4 && (x + t) * 4 + j < w; j++) {
          long at = cell(out, w, co, ty * 4 + i, (x + t) * 4 + j) + c - out;
          Vector v = ADD(made[j], b);
          if (plus) v = ADD(v, LOAD(plus + at));
          STORE(out + at, relu ? POSITIVE(v) : v);
        }
      }
    }
}

/* 3 x 3 with stride 1 by F(4 x 4, 3 x 3): 36 products for 16 cells in place of 144. `plus`, a map
 * of the output's shape or null, is added before rectification. scratch: 36 TILES (ci + co). */
void EXPORT(winograd)(const F *in, F *out, const F *plus, int h, int w, int ci, int co,
                      const F *weights, const F *bias, int relu, F *scratch) {
  int across = (w + 3) / 4;
  F *seen = scratch, *made = scratch + POINTS * TILES * ci;
  for (int ty = 0; ty * 4 < h; ty++)
    for (int x = 0; x < across; x += TILES) {
      int n = across - x < TILES ? across - x : TILES;
      tiles_in(in, seen, ty, x, n, w, ci);
      for (int p = 0; p < POINTS; p++)
        for (int o = 0; o < co; o += 8)
          product(seen + p * TILES * ci, ci, weights + (p * (co / 8) + o / 8) * ci * 8,
                  made + p * TILES * co + o, co, n, ci);
      tiles_out(made, out, plus, bias, relu, ty, x, n, h, w, co);
    }
}

/* Fill the border of a map by reflection. */
void EXPORT(border)(F *map, int h, int w, int c) {
  int row = pitch(w, c);
  for (int y = 0; y < h; y++) {
    F *left = cell(map, w, c, y, -1), *right = cell(map, w, c, y, w);
    for (int k = 0; k < c; k++) {
      left[k] = left[2 * c + k];
      right[k] = right[k - 2 * c];
    }
  }
  F *top = map, *bottom = map + (h + 1) * row;
  for (int i = 0; i < (w + 2) * c; i++) {
    top[i] = top[2 * row + i];
    bottom[i] = bottom[i - 2 * row];
  }
}

/* h x w to 2h x 2w, each cell four times. */
void EXPORT(up)(F *in, F *out, int h, int w, int c) {
  int row = pitch(2 * w, c);
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const F *from = cell(in, w, c, y, x);
      F *to = cell(out, 2 * w, c, 2 * y, 2 * x);
      for (int k = 0; k < c; k += 4) {
        Vector v = LOAD(from + k);
        STORE(to + k, v);
        STORE(to + c + k, v);
        STORE(to + row + k, v);
        STORE(to + row + c + k, v);
      }
    }
}

/* ------------------------------------------------------------------ moments */

/* Mean and biased variance of each channel: rows about their own mean, merged one by one. */
void EXPORT(moments)(F *map, int h, int w, int c, F *mean, F *variance) {
  for (int k = 0; k < c; k += 4) {
    Vector all = ALL(0), within = ALL(0), share = ALL(1.f / w);
    for (int y = 0; y < h; y++) {
      const F *row = cell(map, w, c, y, 0) + k;
      Vector sum = ALL(0), square = ALL(0);
      for (int x = 0; x < w; x++) sum = ADD(sum, LOAD(row + x * c));
      Vector own = MUL(sum, share);
      for (int x = 0; x < w; x++) {
        Vector off = SUB(LOAD(row + x * c), own);
        square = FMA(off, off, square);
      }
      Vector off = SUB(own, all);
      all = FMA(off, ALL(1.f / (y + 1)), all);
      within = ADD(within, FMA(MUL(off, off), ALL((F)w * y / (y + 1)), square));
    }
    STORE(mean + k, all);
    STORE(variance + k, MUL(within, ALL(1.f / ((F)w * h))));
  }
}

/* Sums of products of channels i to i + 4 with j to j + 4 over a row of cells, added to `sums`. */
static void row_products(const F *row, int w, int c, int i, int j, F *sums) {
  Vector sum[4];
  for (int n = 0; n < 4; n++) sum[n] = ALL(0);
  for (int x = 0; x < w; x++) {
    Vector v = LOAD(row + x * c + j);
    for (int n = 0; n < 4; n++) sum[n] = FMA(SPLAT(row + x * c + i + n), v, sum[n]);
  }
  for (int n = 0; n < 4; n++) {
    F *to = sums + (i + n) * c + j;
    STORE(to, ADD(LOAD(to), sum[n]));
  }
}

/* Mean and biased covariance, c x c, of all cells. row: w c numbers. */
void EXPORT(covariance)(F *map, int h, int w, int c, F *mean, F *spread, F *row) {
  moments(map, h, w, c, mean, spread);
  for (int i = 0; i < c * c; i++) spread[i] = 0;
  for (int y = 0; y < h; y++) {
    const F *from = cell(map, w, c, y, 0);
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k += 4)
        STORE(row + x * c + k, SUB(LOAD(from + x * c + k), LOAD(mean + k)));
    for (int i = 0; i < c; i += 4)
      for (int j = i; j < c; j += 4) row_products(row, w, c, i, j, spread);
  }
  F share = 1.f / ((F)w * h);
  for (int i = 0; i < c; i++)
    for (int j = i; j < c; j++) spread[i * c + j] = spread[j * c + i] = spread[i * c + j] * share;
}

static double dot(const double *a, const double *b, int n) {
  v128_t sum = wasm_f64x2_splat(0);
  for (int i = 0; i < n; i += 2)
    sum = wasm_f64x2_add(sum, wasm_f64x2_mul(LOAD(a + i), LOAD(b + i)));
  return wasm_f64x2_extract_lane(sum, 0) + wasm_f64x2_extract_lane(sum, 1);
}

static double root_of(double x) { return __builtin_sqrt(x); }

/* Make two rows orthogonal by a rotation; tell whether they were not. */
static int rotate(double *a, double *b, int n) {
  double aa = dot(a, a, n), bb = dot(b, b, n), ab = dot(a, b, n);
  if (ab * ab <= 1e-22 * aa * bb) return 0;
  double z = (bb - aa) / (2 * ab);
  double tangent = (z < 0 ? -1 : 1) / (__builtin_fabs(z) + root_of(1 + z * z));
  double cosine = 1 / root_of(1 + tangent * tangent);
  v128_t c = wasm_f64x2_splat(cosine), s = wasm_f64x2_splat(cosine * tangent);
  for (int i = 0; i < n; i += 2) {
    v128_t x = LOAD(a + i), y = LOAD(b + i);
    STORE(a + i, wasm_f64x2_sub(wasm_f64x2_mul(c, x), wasm_f64x2_mul(s, y)));
    STORE(b + i, wasm_f64x2_add(wasm_f64x2_mul(s, x), wasm_f64x2_mul(c, y)));
  }
  return 1;
}

#define SWEEPS 40 /* at most; 8 to 10 are usual */

/* Root and inverse root of a covariance, c x c, to whose diagonal `ridge` of its mean variance and
 * `least` are added (adain/model/covariance.py). One-sided Jacobi: once the rows of the matrix are
 * orthogonal, row i is eigenvalue times eigenvector i. work: c c float64. */
void EXPORT(roots)(const F *spread, int c, F ridge, F least, F *root, F *inverse, double *work) {
  F mean = 0;
  for (int i = 0; i < c; i++) mean += spread[i * c + i];
  for (int i = 0; i < c * c; i++) {
    work[i] = spread[i];
    root[i] = inverse[i] = 0;
  }
  for (int i = 0; i < c; i++) work[i * c + i] += mean / c * ridge + least;
  for (int sweep = 0, moved = 1; moved && sweep < SWEEPS; sweep++) {
    moved = 0;
    for (int i = 0; i < c; i++)
      for (int j = i + 1; j < c; j++) moved |= rotate(work + i * c, work + j * c, c);
  }
  for (int k = 0; k < c; k++) {
    const double *row = work + k * c;
    double value = root_of(dot(row, row, c)), power = 1 / (value * root_of(value));
    for (int i = 0; i < c; i++) {
      Vector up = ALL(row[i] * power), down = ALL(row[i] * power / value);
      for (int j = 0; j < c; j += 4) {
        Vector v = wasm_f32x4_make(row[j], row[j + 1], row[j + 2], row[j + 3]);
        STORE(root + i * c + j, FMA(up, v, LOAD(root + i * c + j)));
        STORE(inverse + i * c + j, FMA(down, v, LOAD(inverse + i * c + j)));
      }
    }
  }
}

/* ------------------------------------------------------------------ transfer */

/* x gain + bias in each cell, and `moved` times noise where there is noise, 64 x 64 x c. */
void EXPORT(affine)(F *in, F *out, int h, int w, int c, const F *gain, const F *bias,
                    const F *moved, const F *noise) {
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      const F *from = cell(in, w, c, y, x);
      const F *grain = noise + ((y % NOISE) * NOISE + x % NOISE) * c;
      F *to = cell(out, w, c, y, x);
      for (int k = 0; k < c; k += 4) {
        Vector v = FMA(LOAD(from + k), LOAD(gain + k), LOAD(bias + k));
        STORE(to + k, noise ? FMA(LOAD(moved + k), LOAD(grain + k), v) : v);
      }
    }
}

/* The matrix I + (wanted - own) inverse, packed for `recolour`, and the bias that goes with it:
 * wanted mean - own mean - (wanted - own) inverse own mean. All matrices c x c. */
void EXPORT(recolouring)(const F *own, const F *inverse, const F *own_mean, const F *wanted,
                         const F *wanted_mean, int c, F *packed, F *bias) {
  for (int i = 0; i < c; i++) {
    F shift = 0;
    for (int k = 0; k < c; k += 4) {
      Vector sum = ALL(0);
      for (int j = 0; j < c; j++)
        sum = FMA(ALL(wanted[i * c + j] - own[i * c + j]), LOAD(inverse + j * c + k), sum);
      F gain[4];
      STORE(gain, sum);
      for (int n = 0; n < 4; n++) {
        shift += gain[n] * own_mean[k + n];
        packed[((i >> 3) * c + k + n) * 8 + (i & 7)] = gain[n] + (i == k + n);
      }
    }
    bias[i] = wanted_mean[i] - own_mean[i] - shift;
  }
}

/* matrix x + bias in each cell. */
void EXPORT(recolour)(F *in, F *out, int h, int w, int c, const F *packed, const F *bias) {
  for (int y = 0; y < h; y++) {
    const F *from = cell(in, w, c, y, 0);
    F *to = cell(out, w, c, y, 0);
    for (int o = 0; o < c; o += 8) product(from, c, packed + o * c, to + o, c, w, c);
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k += 4)
        STORE(to + x * c + k, ADD(LOAD(to + x * c + k), LOAD(bias + k)));
  }
}

/* ------------------------------------------------------------------ pictures */

/* An index beyond the end of a row of `length`, reflected as often as it takes. */
static int reflected(int i, int length) {
  if (length == 1) return 0;
  int turn = i % (2 * length - 2);
  return turn < length ? turn : 2 * length - 2 - turn;
}

/* RGBA bytes, height x width, to h x w cells of 12 numbers from `black` to `white`, each of 2 x 2
 * pixels; what the cells have more is reflected. Channel = colour 4 + down 2 + right. */
void EXPORT(fold)(const uint8_t *rgba, int height, int width, F *out, int h, int w, F black,
                  F white) {
  F scale = (white - black) / 255;
  for (int y = 0; y < 2 * h; y++)
    for (int x = 0; x < 2 * w; x++) {
      const uint8_t *from = rgba + (reflected(y, height) * width + reflected(x, width)) * 4;
      F *to = cell(out, w, 12, y / 2, x / 2) + y % 2 * 2 + x % 2;
      for (int k = 0; k < 3; k++) to[k * 4] = from[k] * scale + black;
    }
}

static F larger(F a, F b) { return a > b ? a : b; }
static F smaller(F a, F b) { return a < b ? a : b; }
static F most_of(const F *v) { return larger(v[0], larger(v[1], v[2])); }
static F least_of(const F *v) { return smaller(v[0], smaller(v[1], v[2])); }

/* Bring a colour down to so much difference between its channels; luminance and hue stay. */
static void limit(F *v, F most) {
  F spread = most_of(v) - least_of(v);
  if (!(spread > most)) return;
  F grey = v[0] * .299f + v[1] * .587f + v[2] * .114f;
  for (int k = 0; k < 3; k++) v[k] = grey + (v[k] - grey) * (most / spread);
}

static void colour(const F *from, int place, F black, F scale, F most, F *v) {
  for (int k = 0; k < 3; k++) v[k] = (from[k * 4 + place] - black) * scale;
  limit(v, most);
}

/* Folded cells of c numbers back to RGBA bytes in place, height x width. Where `plain`, what the
 * network makes of the photo with no style, is given, (1 - strength) (photo - plain) is added;
 * the photo is what stood in `rgba`. `most`: the chroma a colour may have. */
void EXPORT(unfold)(F *in, F *plain, uint8_t *rgba, int height, int width, int h, int w, int c,
                    F black, F white, F strength, F most) {
  F scale = 1 / (white - black);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      uint8_t *to = rgba + (y * width + x) * 4;
      int place = y % 2 * 2 + x % 2;
      F v[3], back[3];
      colour(cell(in, w, c, y / 2, x / 2), place, black, scale, most, v);
      if (plain) {
        colour(cell(plain, w, c, y / 2, x / 2), place, black, scale, most, back);
        for (int k = 0; k < 3; k++) v[k] += (1 - strength) * (to[k] / 255.f - back[k]);
      }
      for (int k = 0; k < 3; k++) {
        F byte = v[k] * 255 + .5f;
        to[k] = byte < 0 ? 0 : byte > 255 ? 255 : (uint8_t)byte;
      }
      to[3] = 255;
    }
}

#define CELL 8 /* pixels a side, over which chroma is averaged */

/* The largest difference between the channels of RGBA bytes, averaged over cells: 0 to 1. */
F EXPORT(chroma)(const uint8_t *rgba, int height, int width) {
  F most = 0;
  for (int top = 0; top < height; top += CELL)
    for (int left = 0; left < width; left += CELL) {
      int sum = 0, count = 0;
      for (int y = top; y < top + CELL && y < height; y++)
        for (int x = left; x < left + CELL && x < width; x++, count++) {
          const uint8_t *p = rgba + (y * width + x) * 4;
          F v[3] = {p[0], p[1], p[2]};
          sum += (int)(most_of(v) - least_of(v));
        }
      most = larger(most, sum / (255.f * count));
    }
  return most;
}

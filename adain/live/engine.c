/* The arithmetic of a style-transfer network on vectors, for WebAssembly and for this processor.
 *
 * A feature map has h x w cells of c float32 numbers, channels last (c is a multiple of LANES; of
 * COLUMNS where a convolution writes it). In memory it is surrounded by a border of one cell, filled
 * by reflection, and by SLACK further cells to the right and below, which tiles may read and whose
 * values change nothing. Which functions run, in which order and on which maps, is the caller's
 * (web/static/engine/engine.js, adain/live/native.py), who reads it from the network's description.
 *
 * What takes long ends in `part` and `parts`: it does one of so many shares of the work, so that
 * threads can do one each; all shares done, in any order, are the whole.
 *
 * adain/live/build.py compiles this file for browsers, adain/live/native.py together with native.c
 * for the processor at hand; docs/live.md has the figures.
 */
#include "vectors.h"

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name))) name
#else
#define EXPORT(name) static name
#endif
#define SLACK 6    /* cells to the right of a map and below it, beside the border */
#define POINTS 36  /* of a transformed 6 x 6 tile */
#define NOISE 64   /* cells a side, after which the noise repeats */

/* where the share `part` of `count` pieces of work begins; the next one's beginning is its end */
static inline int share(int count, int part, int parts) { return (int)((int64_t)count * part / parts); }

/* numbers in a row of a map, border and slack included */
static inline long pitch(int w, int c) { return (long)(w + 2 + SLACK) * c; }
/* a cell of a map */
static inline F *cell(F *map, int w, int c, int y, int x) {
  return map + (y + 1) * pitch(w, c) + (x + 1) * c;
}

/* ------------------------------------------------------------------ matrices */

/* Products of some rows with COLUMNS columns; b is k x COLUMNS. `rows` is known when compiled. */
static inline __attribute__((always_inline)) void product_rows(const F *restrict a, int lda,
                                                               const F *restrict b,
                                                               F *restrict out, int ldo, int k,
                                                               const int rows) {
  Vector sum[ROWS][PARTS];
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int p = 0; p < PARTS; p++) sum[i][p] = ALL(0);
  for (int n = 0; n < k; n++) {
    Vector column[PARTS];
    UNROLLED for (int p = 0; p < PARTS; p++) column[p] = LOAD(b + COLUMNS * n + LANES * p);
    UNROLLED for (int i = 0; i < rows; i++) {
      Vector s = SPLAT(a + i * lda + n);
      UNROLLED for (int p = 0; p < PARTS; p++) sum[i][p] = FMA(s, column[p], sum[i][p]);
    }
  }
  UNROLLED for (int i = 0; i < rows; i++)
    UNROLLED for (int p = 0; p < PARTS; p++) STORE(out + i * ldo + LANES * p, sum[i][p]);
}

/* rows x k times k x COLUMNS to rows x COLUMNS. */
static void product(const F *a, int lda, const F *b, F *out, int ldo, int rows, int k) {
  int row = 0;
  for (; row + ROWS <= rows; row += ROWS)
    product_rows(a + row * lda, lda, b, out + row * ldo, ldo, k, ROWS);
#if ROWS > 4
  for (; row + 4 <= rows; row += 4)
    product_rows(a + row * lda, lda, b, out + row * ldo, ldo, k, 4);
#endif
  for (; row < rows; row++) product_rows(a + row * lda, lda, b, out + row * ldo, ldo, k, 1);
}

/* ------------------------------------------------------------------ weights */

/* 16-bit whole numbers, a scale for each of co filters of n numbers, to float32. */
void EXPORT(scaled)(const int16_t *in, const F *scales, F *out, int co, int n) {
  for (int o = 0; o < co; o++)
    for (int i = 0; i < n; i++) out[o * n + i] = in[o * n + i] * scales[o];
}

/* co x from x 3 x 3 to [co/COLUMNS][9][ci][COLUMNS], as `direct` reads them; out is zero beyond co
 * and beyond `from`, the channels there are. */
void EXPORT(arrange)(const F *in, F *out, int from, int ci, int co) {
  for (int o = 0; o < co; o++)
    for (int i = 0; i < from; i++)
      for (int t = 0; t < 9; t++)
        out[((o / COLUMNS * 9 + t) * ci + i) * COLUMNS + o % COLUMNS] = in[(o * from + i) * 9 + t];
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

/* co x from x 3 x 3 to [36][co/COLUMNS][ci][COLUMNS], as `winograd` reads them; out is zero beyond
 * co and beyond `from`. Shares are of filters. */
void EXPORT(transform)(const F *in, F *out, int from, int ci, int co, int part, int parts) {
  int blocks = (co + COLUMNS - 1) / COLUMNS;
  for (int o = share(co, part, parts); o < share(co, part + 1, parts); o++)
    for (int i = 0; i < from; i++) {
      const F *g = in + (o * from + i) * 9;
      double columns[3][6];
      for (int x = 0; x < 3; x++) filter6(g + x, 3, columns[x]);
      for (int y = 0; y < 6; y++) {
        F three[3] = {(F)columns[0][y], (F)columns[1][y], (F)columns[2][y]};
        double row[6];
        filter6(three, 1, row);
        for (int x = 0; x < 6; x++)
          out[(((y * 6 + x) * blocks + o / COLUMNS) * ci + i) * COLUMNS + o % COLUMNS] = (F)row[x];
      }
    }
}

/* ------------------------------------------------------------------ convolutions */

/* 3 x 3 with a stride, to h x w cells; for strides other than 1. Shares are of rows. */
void EXPORT(direct)(const F *in, F *out, int h, int w, int ci, int co, int stride,
                    const F *weights, const F *bias, int relu, int part, int parts) {
  long from = pitch(w * stride, ci);
  for (int y = share(h, part, parts); y < share(h, part + 1, parts); y++)
    for (int o = 0; o < co; o += COLUMNS) {
      const F *filter = weights + (long)(o / COLUMNS) * 9 * ci * COLUMNS;
      for (int x = 0; x < w; x += ACROSS) {
        Vector sum[ACROSS][PARTS];
        UNROLLED for (int i = 0; i < ACROSS; i++)
          UNROLLED for (int p = 0; p < PARTS; p++) sum[i][p] = LOAD(bias + o + LANES * p);
        for (int t = 0; t < 9; t++) {
          const F *a = in + (y * stride + t / 3) * from + (x * stride + t % 3) * ci;
          const F *b = filter + t * ci * COLUMNS;
          for (int k = 0; k < ci; k++) {
            Vector column[PARTS];
            UNROLLED for (int p = 0; p < PARTS; p++) column[p] = LOAD(b + COLUMNS * k + LANES * p);
            UNROLLED for (int i = 0; i < ACROSS; i++) {
              Vector s = SPLAT(a + i * stride * ci + k);
              UNROLLED for (int p = 0; p < PARTS; p++) sum[i][p] = FMA(s, column[p], sum[i][p]);
            }
          }
        }
        UNROLLED for (int i = 0; i < ACROSS; i++) {
          if (x + i >= w) break;
          F *to = cell(out, w, co, y, x + i) + o;
          UNROLLED for (int p = 0; p < PARTS; p++)
            STORE(to + LANES * p, relu ? POSITIVE(sum[i][p]) : sum[i][p]);
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

/* n tiles of a map with so many across, to [36][TILES][ci]. */
static void tiles_in(const F *in, F *out, int first, int n, int across, int w, int ci) {
  long row = pitch(w, ci);
  for (int t = 0; t < n; t++) {
    int ty = (first + t) / across, tx = (first + t) % across;
    for (int c = 0; c < ci; c += LANES) {
      const F *p = in + ty * 4 * row + tx * 4 * ci + c;
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
}

/* And back from [36][TILES][co], with bias, what is added and rectification. */
static void tiles_out(const F *in, F *out, const F *plus, const F *bias, int relu, int first, int n,
                      int across, int h, int w, int co) {
  for (int t = 0; t < n; t++) {
    int ty = (first + t) / across, tx = (first + t) % across;
    for (int c = 0; c < co; c += LANES) {
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
        for (int j = 0; j < 4 && tx * 4 + j < w; j++) {
          long at = cell(out, w, co, ty * 4 + i, tx * 4 + j) + c - out;
          Vector v = ADD(made[j], b);
          if (plus) v = ADD(v, LOAD(plus + at));
          STORE(out + at, relu ? POSITIVE(v) : v);
        }
      }
    }
  }
}

/* 3 x 3 with stride 1 by F(4 x 4, 3 x 3): 36 products for 16 cells in place of 144. `plus`, a map
 * of the output's shape or null, is added before rectification. scratch: 36 TILES (ci + co) for
 * each share, which are of TILES tiles. */
void EXPORT(winograd)(const F *in, F *out, const F *plus, int h, int w, int ci, int co,
                      const F *weights, const F *bias, int relu, F *scratch, int part, int parts) {
  int across = (w + 3) / 4, count = across * ((h + 3) / 4), groups = (count + TILES - 1) / TILES;
  F *seen = scratch, *made = scratch + POINTS * TILES * ci;
  for (int g = share(groups, part, parts); g < share(groups, part + 1, parts); g++) {
    int first = g * TILES, n = count - first < TILES ? count - first : TILES;
    tiles_in(in, seen, first, n, across, w, ci);
    for (int p = 0; p < POINTS; p++)
      for (int o = 0; o < co; o += COLUMNS)
        product(seen + p * TILES * ci, ci, weights + (long)(p * (co / COLUMNS) + o / COLUMNS) * ci * COLUMNS,
                made + p * TILES * co + o, co, n, ci);
    tiles_out(made, out, plus, bias, relu, first, n, across, h, w, co);
  }
}

/* Fill the border of a map by reflection. Shares are of rows. */
void EXPORT(border)(F *map, int h, int w, int c, int part, int parts) {
  long row = pitch(w, c);
  for (int y = share(h, part, parts); y < share(h, part + 1, parts); y++) {
    F *left = cell(map, w, c, y, -1), *right = cell(map, w, c, y, w);
    for (int k = 0; k < c; k++) {
      left[k] = left[2 * c + k];
      right[k] = right[k - 2 * c];
    }
    F *above = y == 1 ? left - 2 * row : 0, *below = y == h - 2 ? left + 2 * row : 0;
    for (int i = 0; above && i < (w + 2) * c; i++) above[i] = left[i];
    for (int i = 0; below && i < (w + 2) * c; i++) below[i] = left[i];
  }
}

/* h x w to 2h x 2w, each cell four times. Shares are of rows. */
void EXPORT(up)(F *in, F *out, int h, int w, int c, int part, int parts) {
  long row = pitch(2 * w, c);
  for (int y = share(h, part, parts); y < share(h, part + 1, parts); y++)
    for (int x = 0; x < w; x++) {
      const F *from = cell(in, w, c, y, x);
      F *to = cell(out, 2 * w, c, 2 * y, 2 * x);
      for (int k = 0; k < c; k += LANES) {
        Vector v = LOAD(from + k);
        STORE(to + k, v);
        STORE(to + c + k, v);
        STORE(to + row + k, v);
        STORE(to + row + c + k, v);
      }
    }
}

/* ------------------------------------------------------------------ moments */

/* Mean and, unless it is null, biased variance of each channel: rows about their own mean, merged
 * one by one. Shares are of channels. */
void EXPORT(moments)(F *map, int h, int w, int c, F *mean, F *variance, int part, int parts) {
  int vectors = c / LANES, last = share(vectors, part + 1, parts) * LANES;
  for (int k = share(vectors, part, parts) * LANES; k < last; k += LANES) {
    Vector all = ALL(0), within = ALL(0), even = ALL(1.f / w);
    for (int y = 0; y < h; y++) {
      const F *row = cell(map, w, c, y, 0) + k;
      Vector sum = ALL(0), square = ALL(0);
      for (int x = 0; x < w; x++) sum = ADD(sum, LOAD(row + x * c));
      Vector own = MUL(sum, even);
      for (int x = 0; variance && x < w; x++) {
        Vector off = SUB(LOAD(row + x * c), own);
        square = FMA(off, off, square);
      }
      Vector off = SUB(own, all);
      all = FMA(off, ALL(1.f / (y + 1)), all);
      within = ADD(within, FMA(MUL(off, off), ALL((F)w * y / (y + 1)), square));
    }
    STORE(mean + k, all);
    if (variance) STORE(variance + k, MUL(within, ALL(1.f / ((F)w * h))));
  }
}

/* Sums of products of channels i to i + ACROSS with j to j + COLUMNS over a row of cells, added to
 * `sums`. */
static void row_products(const F *row, int w, int c, int i, int j, F *sums) {
  Vector sum[ACROSS][PARTS];
  UNROLLED for (int n = 0; n < ACROSS; n++)
    UNROLLED for (int p = 0; p < PARTS; p++) sum[n][p] = ALL(0);
  for (int x = 0; x < w; x++) {
    Vector column[PARTS];
    UNROLLED for (int p = 0; p < PARTS; p++) column[p] = LOAD(row + x * c + j + LANES * p);
    UNROLLED for (int n = 0; n < ACROSS; n++) {
      Vector s = SPLAT(row + x * c + i + n);
      UNROLLED for (int p = 0; p < PARTS; p++) sum[n][p] = FMA(s, column[p], sum[n][p]);
    }
  }
  for (int n = 0; n < ACROSS; n++)
    for (int p = 0; p < PARTS; p++) {
      F *to = sums + (i + n) * c + j + LANES * p;
      STORE(to, ADD(LOAD(to), sum[n][p]));
    }
}

/* The upper triangle of the biased covariance, c x c, of all cells, of which the mean is known; what
 * stands below it is of no meaning. row: w c numbers for each share, which are of channels. */
void EXPORT(covariance)(F *map, int h, int w, int c, const F *mean, F *spread, F *row, int part,
                        int parts) {
  for (int i = part * ACROSS; i < c; i += parts * ACROSS)
    for (int n = i * c; n < (i + ACROSS) * c; n++) spread[n] = 0;
  for (int y = 0; y < h; y++) {
    const F *from = cell(map, w, c, y, 0);
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k += LANES)
        STORE(row + x * c + k, SUB(LOAD(from + x * c + k), LOAD(mean + k)));
    for (int i = part * ACROSS; i < c; i += parts * ACROSS)
      for (int j = i / COLUMNS * COLUMNS; j < c; j += COLUMNS) row_products(row, w, c, i, j, spread);
  }
  for (int i = part * ACROSS; i < c; i += parts * ACROSS)
    for (int n = i * c; n < (i + ACROSS) * c; n++) spread[n] *= 1.f / ((F)w * h);
}

static double dot(const double *a, const double *b, int n) {
  Doubles sum = DALL(0);
  for (int i = 0; i < n; i += LANES / 2) sum = DADD(sum, DMUL(DLOAD(a + i), DLOAD(b + i)));
  double lanes[LANES / 2], all = 0;
  DSTORE(lanes, sum);
  for (int i = 0; i < LANES / 2; i++) all += lanes[i];
  return all;
}

static double root_of(double x) { return __builtin_sqrt(x); }

/* Make two rows orthogonal by a rotation; tell whether they were not. */
static int rotate(double *a, double *b, int n) {
  double aa = dot(a, a, n), bb = dot(b, b, n), ab = dot(a, b, n);
  if (ab * ab <= 1e-22 * aa * bb) return 0;
  double z = (bb - aa) / (2 * ab);
  double tangent = (z < 0 ? -1 : 1) / (__builtin_fabs(z) + root_of(1 + z * z));
  double cosine = 1 / root_of(1 + tangent * tangent);
  Doubles c = DALL(cosine), s = DALL(cosine * tangent);
  for (int i = 0; i < n; i += LANES / 2) {
    Doubles x = DLOAD(a + i), y = DLOAD(b + i);
    DSTORE(a + i, DSUB(DMUL(c, x), DMUL(s, y)));
    DSTORE(b + i, DADD(DMUL(s, x), DMUL(c, y)));
  }
  return 1;
}

#define SWEEPS 40 /* at most; 8 to 10 are usual */

/* Root and inverse root of a covariance, c x c, of which only the upper triangle counts, to whose
 * diagonal `ridge` of its mean variance and `least` are added (adain/model/covariance.py). One-sided Jacobi: once the rows of the matrix are
 * orthogonal, row i is eigenvalue times eigenvector i. work: c c float64. */
void EXPORT(roots)(const F *spread, int c, F ridge, F least, F *root, F *inverse, double *work) {
  F mean = 0;
  for (int i = 0; i < c; i++) mean += spread[i * c + i];
  for (int i = 0; i < c * c; i++) root[i] = inverse[i] = 0;
  for (int i = 0; i < c; i++)
    for (int j = i; j < c; j++) work[i * c + j] = work[j * c + i] = spread[i * c + j];
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
      F up = (F)(row[i] * power), down = (F)(row[i] * power / value);
      for (int j = 0; j < c; j++) {
        root[i * c + j] += up * (F)row[j];
        inverse[i * c + j] += down * (F)row[j];
      }
    }
  }
}

/* ------------------------------------------------------------------ transfer */

/* x gain + bias in each cell, and `moved` times noise where there is noise, 64 x 64 x c. Shares are
 * of rows. */
void EXPORT(affine)(F *in, F *out, int h, int w, int c, const F *gain, const F *bias,
                    const F *moved, const F *noise, int part, int parts) {
  for (int y = share(h, part, parts); y < share(h, part + 1, parts); y++)
    for (int x = 0; x < w; x++) {
      const F *from = cell(in, w, c, y, x);
      const F *grain = noise + ((y % NOISE) * NOISE + x % NOISE) * c;
      F *to = cell(out, w, c, y, x);
      for (int k = 0; k < c; k += LANES) {
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
    for (int k = 0; k < c; k += LANES) {
      Vector sum = ALL(0);
      for (int j = 0; j < c; j++)
        sum = FMA(ALL(wanted[i * c + j] - own[i * c + j]), LOAD(inverse + j * c + k), sum);
      F gain[LANES];
      STORE(gain, sum);
      for (int n = 0; n < LANES; n++) {
        shift += gain[n] * own_mean[k + n];
        packed[(i / COLUMNS * c + k + n) * COLUMNS + i % COLUMNS] = gain[n] + (i == k + n);
      }
    }
    bias[i] = wanted_mean[i] - own_mean[i] - shift;
  }
}

/* matrix x + bias in each cell. Shares are of rows. */
void EXPORT(recolour)(F *in, F *out, int h, int w, int c, const F *packed, const F *bias, int part,
                      int parts) {
  for (int y = share(h, part, parts); y < share(h, part + 1, parts); y++) {
    const F *from = cell(in, w, c, y, 0);
    F *to = cell(out, w, c, y, 0);
    for (int o = 0; o < c; o += COLUMNS) product(from, c, packed + o * c, to + o, c, w, c);
    for (int x = 0; x < w; x++)
      for (int k = 0; k < c; k += LANES)
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

/* Pixels of `depth` bytes, height x width, to h x w cells of c >= 12 numbers from `black` to `white`,
 * each of 2 x 2 pixels; what the cells have more is reflected. Channel = colour 4 + down 2 + right;
 * those beyond stay as they are. Shares are of rows of cells. */
void EXPORT(fold)(const uint8_t *pixels, int depth, int height, int width, F *out, int h, int w,
                  int c, F black, F white, int part, int parts) {
  F scale = (white - black) / 255;
  for (int y = 2 * share(h, part, parts); y < 2 * share(h, part + 1, parts); y++)
    for (int x = 0; x < 2 * w; x++) {
      long place = (long)reflected(y, height) * width + reflected(x, width);
      const uint8_t *from = pixels + place * depth;
      F *to = cell(out, w, c, y / 2, x / 2) + y % 2 * 2 + x % 2;
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

/* Folded cells of c numbers back to pixels of `depth` bytes in place, height x width; a fourth byte
 * becomes 255. Where `plain`, what the network makes of the photo with no style, is given,
 * (1 - strength) (photo - plain) is added; the photo is what stood in `pixels`. `most`: the chroma a
 * colour may have. Shares are of rows. */
void EXPORT(unfold)(F *in, F *plain, uint8_t *pixels, int depth, int height, int width, int w, int c,
                    F black, F white, F strength, F most, int part, int parts) {
  F scale = 1 / (white - black);
  for (int y = share(height, part, parts); y < share(height, part + 1, parts); y++)
    for (int x = 0; x < width; x++) {
      uint8_t *to = pixels + ((long)y * width + x) * depth;
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
      if (depth > 3) to[3] = 255;
    }
}

#define CELL 8 /* pixels a side, over which chroma is averaged */

/* The largest difference between a pixel's channels, averaged over cells of pixels of `depth` bytes:
 * 0 to 1. */
F EXPORT(chroma)(const uint8_t *pixels, int depth, int height, int width) {
  F most = 0;
  for (int top = 0; top < height; top += CELL)
    for (int left = 0; left < width; left += CELL) {
      int sum = 0, count = 0;
      for (int y = top; y < top + CELL && y < height; y++)
        for (int x = left; x < left + CELL && x < width; x++, count++) {
          const uint8_t *p = pixels + ((long)y * width + x) * depth;
          F v[3] = {p[0], p[1], p[2]};
          sum += (int)(most_of(v) - least_of(v));
        }
      most = larger(most, sum / (255.f * count));
    }
  return most;
}

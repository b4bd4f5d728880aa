/* engine.c as a library of the processor at hand, in as many threads as are asked for.
 *
 * Each function is that of engine.c of the same name; those that come in shares are called for each
 * share, side by side where the compiler has OpenMP. adain/live/native.py compiles and calls them.
 */
#include "engine.c"

#ifdef _OPENMP
#include <omp.h>
#define THREAD omp_get_thread_num()
#define EACH_SHARE(parts) \
  _Pragma("omp parallel for schedule(dynamic) num_threads(threads)") for (int part = 0; part < (parts); part++)
#else
#define THREAD 0
#define EACH_SHARE(parts) for (int part = 0; part < (parts); part++)
#endif

#define SHARES 4 /* for each thread, so that one that is interrupted does fewer */

#define PUBLIC __attribute__((visibility("default")))

static int threads = 1, shares = 1;

PUBLIC void native_threads(int count) {
  threads = count;
  shares = count > 1 ? count * SHARES : 1;
}
PUBLIC int native_columns(void) { return COLUMNS; }
/* numbers of scratch that a convolution needs */
PUBLIC long native_scratch(int ci, int co) { return (long)POINTS * TILES * (ci + co) * threads; }

PUBLIC void native_arrange(const F *in, F *out, int from, int ci, int co) {
  arrange(in, out, from, ci, co);
}
PUBLIC void native_transform(const F *in, F *out, int from, int ci, int co) {
  EACH_SHARE(shares) transform(in, out, from, ci, co, part, shares);
}
/* a convolution with its border: by `direct` where there is a stride, else by `winograd` */
PUBLIC void native_convolve(F *in, F *out, const F *plus, int h, int w, int ci, int co, int stride,
                            const F *weights, const F *bias, int relu, F *scratch) {
  long each = (long)POINTS * TILES * (ci + co);
  EACH_SHARE(shares) border(in, h * stride, w * stride, ci, part, shares);
  if (stride > 1)
    EACH_SHARE(shares) direct(in, out, h, w, ci, co, stride, weights, bias, relu, part, shares);
  else
    EACH_SHARE(shares)
      winograd(in, out, plus, h, w, ci, co, weights, bias, relu, scratch + each * THREAD, part, shares);
}
PUBLIC void native_up(F *in, F *out, int h, int w, int c) {
  EACH_SHARE(shares) up(in, out, h, w, c, part, shares);
}
PUBLIC void native_moments(F *map, int h, int w, int c, F *mean, F *variance) {
  EACH_SHARE(threads) moments(map, h, w, c, mean, variance, part, threads);
}
/* row: w c numbers for each thread */
PUBLIC void native_covariance(F *map, int h, int w, int c, F *mean, F *spread, F *row) {
  EACH_SHARE(threads) moments(map, h, w, c, mean, 0, part, threads);
  EACH_SHARE(threads) covariance(map, h, w, c, mean, spread, row + (long)part * w * c, part, threads);
}
PUBLIC void native_roots(const F *spread, int c, F ridge, F least, F *root, F *inverse, double *work) {
  roots(spread, c, ridge, least, root, inverse, work);
}
PUBLIC void native_affine(F *in, F *out, int h, int w, int c, const F *gain, const F *bias,
                          const F *moved, const F *noise) {
  EACH_SHARE(shares) affine(in, out, h, w, c, gain, bias, moved, noise, part, shares);
}
PUBLIC void native_recolouring(const F *own, const F *inverse, const F *own_mean, const F *wanted,
                               const F *wanted_mean, int c, F *packed, F *bias) {
  recolouring(own, inverse, own_mean, wanted, wanted_mean, c, packed, bias);
}
PUBLIC void native_recolour(F *in, F *out, int h, int w, int c, const F *packed, const F *bias) {
  EACH_SHARE(shares) recolour(in, out, h, w, c, packed, bias, part, shares);
}
PUBLIC void native_fold(const uint8_t *pixels, int depth, int height, int width, F *out, int h,
                        int w, int c, F black, F white) {
  EACH_SHARE(shares) fold(pixels, depth, height, width, out, h, w, c, black, white, part, shares);
}
PUBLIC void native_unfold(F *in, F *plain, uint8_t *pixels, int depth, int height, int width, int w,
                          int c, F black, F white, F strength, F most) {
  EACH_SHARE(shares)
    unfold(in, plain, pixels, depth, height, width, w, c, black, white, strength, most, part, shares);
}
PUBLIC F native_chroma(const uint8_t *pixels, int depth, int height, int width) {
  return chroma(pixels, depth, height, width);
}

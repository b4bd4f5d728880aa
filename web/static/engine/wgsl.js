/* The arithmetic of engine.c for WebGPU: one program for each kind of step, for all sizes and channels.
 *
 * A map has h × w cells of c vectors of four float32, row by row, without a border: programs read beyond its edges by reflection.
 * A map that is read may be doubled so many times (`shift`): each cell stands for 2^shift × 2^shift.
 */

const NOISE = 64; // cells a side, after which the noise repeats
const TILE = 512; // vectors that a workgroup looks at together
export const THREADS = 64; // of a workgroup
export const [ACROSS, DOWN] = [4, 2]; // cells of a thread of a convolution
export const TOGETHER = 4; // cells of a thread that recolours

/* what a program is given besides buffers: what is written (c in vectors), what is read, and more; the last four are float32 */
export const NAMES = "h w c ih iw ic shift more on plus doubled unused a b d e".split(" ");

/** A program whose buffers are read, but for the last, and what each of its threads does.
 * @param {string} names
 * @param {string} body
 * @param {string} parts what stands before it
 * @param {string} kind of what is in the last buffer */
const program = (names, body, parts = "", kind = "vec4f") => {
  const all = names.split(" ").map((name, at, {length}) => {
    const [access, item] = at + 1 < length ? ["read", name === "rgba" ? "u32" : "vec4f"] : ["read_write", kind];
    return `@group(0) @binding(${at + 1}) var<storage, ${access}> ${name}: array<${item}>;`;
  });
  return `struct Given { ${NAMES.map((name, at) => `${name}: ${at < 12 ? "u32" : "f32"}`)} }
@group(0) @binding(0) var<uniform> g: Given;
${all.join("\n")}
${parts}
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) own: vec3u) {
${body}
}`;
};
/** Lines for 0 and up.
 * @param {number} count
 * @param {(i: number) => string} line */
const each = (count, line) => Array.from({length: count}, (_, i) => line(i)).join("\n");

/** A 3 × 3 convolution: a thread makes 4 × 2 cells of one vector of channels.
 * @param {number} stride */
const conv = (stride) => {
  const columns = (ACROSS - 1) * stride + 3;
  /** @param {(row: number, i: number) => string} line */
  const cells = (line) => each(DOWN, (row) => each(ACROSS, (i) => line(row, i)));
  /** @param {number} row
   * @param {number} i
   * @param {number} x */
  const products = (row, i, x) =>
    each(4, (n) => `s${row}${i} = fma(vec4f(v${i * stride + x}[${n}]), k${x}${n}, s${row}${i});`);
  return program(
    "x k b p y",
    `let across = (g.w + ${ACROSS - 1}) / ${ACROSS};
let x0 = id.x % across * ${ACROSS};
let y0 = id.x / across * ${DOWN};
let o = id.y;
if (y0 >= g.h) { return; }
${cells((row, i) => `var s${row}${i} = b[o];`)}
${each(columns, (i) => `let c${i} = place(i32(x0 * ${stride}) + ${i - 1}, g.iw) * g.ic;`)}
for (var ky = 0u; ky < 3; ky++) {
  ${each(DOWN, (row) => `let r${row} = place(i32((y0 + ${row}) * ${stride} + ky) - 1, g.ih) * g.iw * g.ic;`)}
  for (var c = 0u; c < g.ic; c++) {
    let at = ((o * 3 + ky) * g.ic + c) * 12;
    ${each(3, (x) => each(4, (n) => `let k${x}${n} = k[at + ${x * 4 + n}];`))}
    ${each(
      DOWN,
      (row) => `{ ${each(columns, (i) => `let v${i} = x[r${row} + c${i} + c];`)}
    ${each(ACROSS, (i) => each(3, (x) => products(row, i, x)))} }`,
    )}
  }
}
${cells((row, i) => `put(s${row}${i}, y0 + ${row}, x0 + ${i}, o);`)}`,
    `fn place(i: i32, length: u32) -> u32 {
  let n = i32(length << g.shift);
  let a = abs(i);
  return u32(clamp(select(a, 2 * n - 2 - a, a >= n), 0, n - 1)) >> g.shift;
}
fn put(v: vec4f, y0: u32, x0: u32, o: u32) {
  if (y0 >= g.h || x0 >= g.w) { return; }
  var made = v;
  if (g.plus == 1) { made += p[((y0 >> g.doubled) * (g.w >> g.doubled) + (x0 >> g.doubled)) * g.c + o]; }
  y[(y0 * g.w + x0) * g.c + o] = select(made, max(made, vec4f(0)), g.on == 1);
}`,
  );
};

/* a times sums over pieces of `more` cells, of values or, with `on`, of squares about a mean */
const sums = program(
  "x mean y",
  `let k = id.x % g.c;
let first = id.x / g.c * g.more;
let cells = g.ih * g.iw;
if (first >= cells) { return; }
var sum = vec4f(0);
for (var i = first; i < min(first + g.more, cells); i++) {
  let v = x[i * g.c + k];
  let off = v - mean[k];
  sum += select(v, off * off, g.on == 1);
}
y[id.x] = sum * g.a;`,
);
/* products of all channels, about their means, over pieces of `more` cells; a thread has 4 × 4 of them */
const covariance = program(
  "x mean y",
  `let cells = ${TILE} / g.c;
let block = group.y * ${THREADS} + own.x;
let i = block / g.c;
let j = block % g.c;
let last = min((group.x + 1) * g.more, g.ih * g.iw);
var sum: array<vec4f, 4>;
for (var top = group.x * g.more; top < last; top += cells) {
  let count = min(cells, last - top);
  for (var n = own.x; n < count * g.c; n += ${THREADS}) { tile[n] = x[top * g.c + n] - mean[n % g.c]; }
  workgroupBarrier();
  for (var n = 0u; n < count; n++) {
    let a = tile[n * g.c + min(i, g.c - 1)];
    let b = tile[n * g.c + j];
    ${each(4, (n) => `sum[${n}] = fma(vec4f(a[${n}]), b, sum[${n}]);`)}
  }
  workgroupBarrier();
}
if (i >= g.c) { return; }
${each(4, (n) => `y[((group.x * g.c + i) * 4 + ${n}) * g.c + j] = sum[${n}];`)}`,
  `var<workgroup> tile: array<vec4f, ${TILE}>;`,
);
/* where a cell is read */
const FOUND = `fn found(cell: u32) -> u32 {
  let at = min(cell, g.h * g.w - 1);
  return (((at / g.w) >> g.shift) * g.iw + ((at % g.w) >> g.shift)) * g.c;
}`;
/* x gain + bias, and with `on` so much noise */
const affine = program(
  "x m noise y",
  `let cell = id.x / g.c;
let k = id.x % g.c;
if (cell >= g.h * g.w) { return; }
var v = fma(x[found(cell) + k], m[k], m[g.c + k]);
let place = cell / g.w % ${NOISE} * ${NOISE} + cell % g.w % ${NOISE};
if (g.on == 1) { v = fma(m[2 * g.c + k], noise[place * g.c + k], v); }
y[id.x] = v;`,
  FOUND,
);
/* a matrix, packed as engine.c packs it, times the channels of a cell, and a bias after it */
const recolour = program(
  "x m y",
  `let o = id.y;
let first = id.x * ${TOGETHER};
${each(TOGETHER, (i) => `let f${i} = found(first + ${i}); var s${i} = m[g.c * g.c * 4 + o];`)}
for (var c = 0u; c < g.c; c++) {
  ${each(4, (n) => `let k${n} = m[(o / 2 * g.c * 4 + c * 4 + ${n}) * 2 + o % 2];`)}
  ${each(
    TOGETHER,
    (i) => `let v${i} = x[f${i} + c];
  ${each(4, (n) => `s${i} = fma(vec4f(v${i}[${n}]), k${n}, s${i});`)}`,
  )}
}
${each(TOGETHER, (i) => `if (first + ${i} < g.h * g.w) { y[(first + ${i}) * g.c + o] = s${i}; }`)}`,
  FOUND,
);
/* pixels to cells of 2 × 2, from a on, times b; sides are extended by reflection */
const fold = program(
  "rgba y",
  `let y0 = id.x / g.w * 2;
let x0 = id.x % g.w * 2;
if (id.x >= g.h * g.w) { return; }
let made = transpose(mat4x4f(pixel(y0, x0), pixel(y0, x0 + 1), pixel(y0 + 1, x0), pixel(y0 + 1, x0 + 1)));
for (var k = 0u; k < 3; k++) { y[id.x * 3 + k] = made[k]; }`,
  `fn reflected(i: u32, length: u32) -> u32 {
  if (length == 1) { return 0; }
  let turn = i % (2 * length - 2);
  return min(turn, 2 * length - 2 - turn);
}
fn pixel(y0: u32, x0: u32) -> vec4f {
  return unpack4x8unorm(rgba[reflected(y0, g.ih) * g.iw + reflected(x0, g.iw)]) * g.b + g.a;
}`,
);
/* and back, h × w pixels: from a on, times b; d of the photo that its plain picture lacks is added; e: the most chroma */
const unfold = program(
  "x rgba plain y",
  `if (id.x >= g.h * g.w) { return; }
let down = id.x / g.w;
let right = id.x % g.w;
let n = down % 2 * 2 + right % 2;
let at = (((down / 2) >> g.shift) * g.iw + ((right / 2) >> g.shift)) * 3;
var v = limited(vec3f(x[at][n], x[at + 1][n], x[at + 2][n]));
if (g.on == 1) {
  let back = limited(vec3f(plain[at][n], plain[at + 1][n], plain[at + 2][n]));
  v += g.d * (unpack4x8unorm(rgba[id.x]).xyz - back);
}
let made = vec4u(vec4f(clamp(v * 255 + .5, vec3f(0), vec3f(255)), 255));
y[id.x] = made.x | (made.y << 8) | (made.z << 16) | (made.w << 24);`,
  `fn limited(from_a: vec3f) -> vec3f {
  let v = (from_a - g.a) * g.b;
  let spread = max(v.x, max(v.y, v.z)) - min(v.x, min(v.y, v.z));
  let grey = vec3f(dot(v, vec3f(.299, .587, .114)));
  return select(v, grey + (v - grey) * (g.e / spread), spread > g.e);
}`,
  "u32",
);

export const PROGRAMS = {conv1: conv(1), conv2: conv(2), sums, covariance, affine, recolour, fold, unfold};

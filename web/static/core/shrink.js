/* Pictures that are too large for the studio, made smaller in the browser where it can draw them. */

const MOST = 2 ** 24; // pixels that every browser draws on a canvas
const STEP = 0.7; // of both sides, as long as the file is too large
const LOOKED_AT = 256; // pixels a side in which transparency is looked for
const QUALITY = 0.95;

/** @param {number} width
 * @param {number} height
 * @param {ImageBitmap} picture */
const drawn = (width, height, picture) => {
  const canvas = Object.assign(document.createElement("canvas"), {width, height});
  const ink = canvas.getContext("2d");
  if (!ink) throw new TypeError("2d");
  ink.imageSmoothingQuality = "high";
  ink.drawImage(picture, 0, 0, width, height);
  return {canvas, ink};
};
/** Tells whether some of a picture is transparent.
 * @param {ImageBitmap} picture */
const isClear = (picture) => {
  const side = Math.min(LOOKED_AT, picture.width, picture.height);
  const {data} = drawn(side, side, picture).ink.getImageData(0, 0, side, side);
  for (let at = 3; at < data.length; at += 4) if (data[at] < 255) return true;
  return false;
};
/** @param {HTMLCanvasElement} canvas
 * @param {string} kind
 * @returns {Promise<Blob>} */
const encoded = (canvas, kind) =>
  new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new TypeError("blob"))), kind, QUALITY);
  });

/**
 * The picture upright and smaller, a PNG if some of it is transparent, else a JPEG; null if it is not
 * large. Fails where the browser can't draw it.
 * @param {Blob} file
 * @param {number} most bytes
 */
export const shrunk = async (file, most) => {
  const picture = await createImageBitmap(file, {imageOrientation: "from-image"});
  const pixels = picture.width * picture.height;
  if (pixels <= MOST && file.size <= most) return null;
  const kind = isClear(picture) ? "image/png" : "image/jpeg";
  for (let scale = Math.min(1, Math.sqrt(MOST / pixels)); ; scale *= STEP) {
    const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.floor(side * scale)));
    const made = await encoded(drawn(width, height, picture).canvas, kind);
    if (made.size <= most) return made;
  }
};

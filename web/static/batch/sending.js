/* Sends photos × styles in as many batches as the studio's limit asks for, one after the other.
 *
 * It remembers what was accepted, so that only what is new is sent next.
 */
import {ask, Refusal, status} from "../core/api.js";
import {under} from "../core/place.js";

/** `crop` is what is used of a picture: four shares as a text, "" for all of it.
 * @typedef {{key: string, crop: string}} Named */
/** @typedef {Named & {name: string, file: Blob}} Picture */
/** @typedef {{photos: Picture[], styles: Picture[]}} Part */
/** @typedef {{
 *   accepted: (batch: Api.BatchView, last: boolean) => void,
 *   waiting: (sent: number, count: number, seconds: number) => void,
 *   signal: AbortSignal,
 * }} Watch */

/** Sending was stopped by hand. */
export class Stopped extends Error {}

export const BATCHES = under("/api/v1/batches");
const LEAST_PAUSE = 10; // seconds before a part is sent again
const LATER = new Set([429, 503]); // answers after which the same may be accepted

/** @type {Map<string, Set<string>>} by options: the photos and styles whose pictures were accepted */
const made = new Map();
/** @type {Map<string, string>} of parts whose answer may have got lost: sent again, they are the same batch */
const keys = new Map();

const fresh = () => globalThis.crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
/**
 * @param {Named} photo
 * @param {Named} style
 */
const pair = (photo, style) => JSON.stringify([photo.key, style.key, photo.crop, style.crop]);
/**
 * The styles in which a photo was not accepted with these options.
 * @template {Named} Style
 * @param {Named} photo
 * @param {Style[]} styles
 * @param {string} options
 */
const open = (photo, styles, options) => styles.filter((style) => !made.get(options)?.has(pair(photo, style)));
/**
 * How many pictures are to be sent.
 * @param {Named[]} photos
 * @param {Named[]} styles
 * @param {string} options
 */
export const count = (photos, styles, options) =>
  photos.reduce((sum, photo) => sum + open(photo, styles, options).length, 0);
/** Forgets that pictures of a photo or style were accepted.
 * @param {string} key */
export const forget = (key) => {
  for (const pairs of made.values()) for (const one of pairs) if (JSON.parse(one).includes(key)) pairs.delete(one);
};

/** @param {Picture[]} pictures */
const size = (pictures) => pictures.reduce((sum, one) => sum + one.file.size, 0);
/**
 * Divides pictures into runs, each as long as it may be; one alone is never too much.
 * @param {Picture[]} pictures
 * @param {number} most pictures
 * @param {number} bytes
 */
const runs = (pictures, most, bytes) => {
  /** @type {Picture[][]} */
  const found = [];
  for (const one of pictures) {
    const last = found.at(-1);
    if (last && last.length < most && size(last) + one.file.size <= bytes) last.push(one);
    else found.push([one]);
  }
  return found;
};
/**
 * @param {Picture[]} photos
 * @param {Picture[]} styles
 * @param {string} options
 * @param {Api.BatchLimits} limits
 */
const split = (photos, styles, options, limits) => {
  /** @type {Map<string, Part>} photos with the same open styles */
  const groups = new Map();
  for (const photo of photos) {
    const wanted = open(photo, styles, options);
    const name = JSON.stringify(wanted.map((style) => style.key));
    const group = groups.get(name) ?? {photos: [], styles: wanted};
    group.photos.push(photo);
    if (wanted.length) groups.set(name, group);
  }
  return [...groups.values()].flatMap((group) =>
    runs(group.styles, limits.pictures, limits.bytes / 2).flatMap((some) =>
      runs(group.photos, Math.floor(limits.pictures / some.length), limits.bytes - size(some)).map((few) => ({
        photos: few,
        styles: some,
      })),
    ),
  );
};
/** @param {Part} part */
const pairs = (part) => part.photos.flatMap((photo) => part.styles.map((style) => pair(photo, style)));

/** The numbers of a part's pictures that a refusal names, by the code of what they are.
 * @param {unknown} said
 * @param {string} code
 * @returns {number[]} */
const numbers = (said, code) => {
  if (!said || typeof said !== "object") return [];
  const {code: own, params = {}} = /** @type {Page.Message} */ (said);
  return own === code ? [Number(params.number)] : Object.values(params).flatMap((inner) => numbers(inner, code));
};
/** The keys of pictures that a refusal names.
 * @param {Part} part
 * @param {Page.Message | null} said */
const named = ({photos, styles}, said) => [
  ...numbers(said, "part.batch_photo").map((number) => photos[number - 1]?.key ?? ""),
  ...numbers(said, "part.batch_style").map((number) => styles[number - 1]?.key ?? ""),
];

/** @param {Picture[]} pictures */
const crops = (pictures) => pictures.map(({crop}) => (crop ? crop.split(",").map(Number) : []));
/** The options of a part: those of all, and what is used of its pictures.
 * @param {Part} part
 * @param {string} options */
const own = (part, options) => {
  const cut = [...part.photos, ...part.styles].some(({crop}) => crop);
  const drawn = {crops: crops(part.photos), style_crops: crops(part.styles)};
  return cut ? JSON.stringify({...JSON.parse(options), ...drawn}) : options;
};

/**
 * @param {number} seconds
 * @param {AbortSignal} signal
 */
const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const stop = () => reject(new Stopped());
    if (signal.aborted) stop();
    setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", stop, {once: true});
  });
/**
 * @param {Part} part
 * @param {string} options
 * @param {AbortSignal} signal
 * @returns {Promise<Api.BatchView>}
 */
const post = async (part, options, signal) => {
  const body = new FormData();
  for (const {file, name} of part.photos) body.append("content", file, name);
  for (const {file, name} of part.styles) body.append("style", file, name);
  body.append("options", own(part, options));
  const name = options + pairs(part).join();
  const key = keys.get(name) ?? fresh();
  keys.set(name, key);
  try {
    const batch = await ask(BATCHES, {method: "POST", body, headers: {"Idempotency-Key": key}, signal});
    keys.delete(name);
    return batch;
  } catch (problem) {
    if (signal.aborted) throw new Stopped();
    if (status(problem) && !LATER.has(status(problem))) keys.delete(name);
    throw problem;
  }
};
/**
 * Sends a part, again and again while the studio says when to come back.
 * @param {Part} part
 * @param {string} options
 * @param {AbortSignal} signal
 * @param {(seconds: number) => Promise<unknown>} wait
 */
const deliver = async (part, options, signal, wait) => {
  for (;;)
    try {
      return await post(part, options, signal);
    } catch (problem) {
      if (!(problem instanceof Refusal && problem.after && LATER.has(problem.status))) throw problem;
      await wait(Math.max(LEAST_PAUSE, problem.after));
    }
};
/**
 * Sends what was not accepted yet; raises a Refusal with `part`, `parts` and the keys of the pictures that
 * it names, or Stopped.
 * @param {Picture[]} photos
 * @param {Picture[]} styles
 * @param {string} options
 * @param {Watch} watch
 */
export const send = async (photos, styles, options, watch) => {
  /** @type {Api.BatchPage} */
  const {limits} = await ask(`${BATCHES}?limit=1`);
  const parts = split(photos, styles, options, limits);
  const all = count(photos, styles, options);
  let sent = 0;
  for (const [place, part] of parts.entries()) {
    if (watch.signal.aborted) throw new Stopped();
    /** @param {number} seconds */
    const wait = async (seconds) => {
      watch.waiting(sent, all, seconds);
      await pause(seconds, watch.signal);
    };
    const alone = parts.length === 1;
    try {
      const batch = await (alone ? post(part, options, watch.signal) : deliver(part, options, watch.signal, wait));
      watch.accepted(batch, place === parts.length - 1);
    } catch (problem) {
      if (problem instanceof Refusal) problem.keys = named(part, problem.said);
      if (problem instanceof Refusal && !alone) Object.assign(problem, {part: place + 1, parts: parts.length});
      throw problem;
    }
    const known = made.get(options) ?? new Set();
    pairs(part).forEach((one) => known.add(one));
    made.set(options, known);
    sent += pairs(part).length;
  }
};

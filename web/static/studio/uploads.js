/* Uploads: a picture of the visitor's is sent once, and the form holds its id. */
import {ask, status} from "../core/api.js";
import {under} from "../core/place.js";
import {shrunk} from "../core/shrink.js";
import {t} from "../core/text.js";

const UPLOADS = under("/api/v1/uploads"),
  PREFIX = "upload:";

export const CROP = "@"; // between a picture and what is used of it (crop.js)

/** A field's text without what is used of its picture.
 * @param {string} text */
export const picture = (text) => text.split(CROP)[0];
/** Where the whole picture of a field's text is.
 * @param {string} value */
export const address = (value) => {
  const text = picture(value);
  const [kind, what] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  /** @type {Record<string, string>} */
  const places = {
    upload: `${UPLOADS}/${what}/shown`,
    shelf: under(`/shelf/medium/${what}.webp`),
    job: under(`/api/v1/jobs/${what}`),
  };
  return places[kind] ?? "";
};
const NAMES = "names", // in this tab's storage: text of an upload → what its file is called
  FILMS = "films", // likewise: text of a film → its seconds
  MOVING = "moving"; // likewise: text of a moving picture → its seconds

/** @param {string} kind
 * @returns {Record<string, any>} */
const kept = (kind) => {
  try {
    return JSON.parse(sessionStorage.getItem(kind) ?? "{}");
  } catch {
    return {};
  }
};
/** @param {string} kind
 * @param {string} text
 * @param {string | number} said */
const remember = (kind, text, said) => {
  try {
    sessionStorage.setItem(kind, JSON.stringify({...kept(kind), [text]: said}));
  } catch {
    /* a browser without storage forgets */
  }
};
/** What the file of an upload is called; "": not known.
 * @param {string} text
 * @returns {string} */
export const nameOf = (text) => kept(NAMES)[text] ?? "";
/** How many seconds a field's film lasts; 0: it is a picture.
 * @param {string} text
 * @returns {number} */
export const lasts = (text) => kept(FILMS)[picture(text)] ?? 0;
/** @param {string} text
 * @param {number} seconds */
export const isFilm = (text, seconds) => remember(FILMS, text, Math.max(0.1, seconds));
/** How many seconds a field's moving picture lasts, which may be painted as a film; 0: it is none.
 * @param {string} text
 * @returns {number} */
export const movesFor = (text) => kept(MOVING)[picture(text)] ?? 0;
/** @param {Blob} file
 * @param {Blob} given what the visitor chose */
const send = async (file, given) => {
  const body = new FormData();
  body.append("picture", file);
  /** @type {Api.UploadView} */
  const {id, seconds, moves} = await ask(UPLOADS, {method: "POST", body});
  const text = `upload:${id}`;
  if (given instanceof File) remember(NAMES, text, given.name);
  if (seconds !== null) isFilm(text, seconds);
  if (moves !== null) remember(MOVING, text, Math.max(0.1, moves));
  return text;
};
/**
 * Sends a file, made smaller if it is too large; answers with its text.
 * @param {Blob} file
 * @param {number} most bytes
 * @param {boolean} exact whether every pixel counts, as in a mask: it is not made smaller
 */
export const upload = async (file, most, exact) => {
  /** @type {unknown} */
  let refused = new Error(t("field.large", {count: Math.floor(most / 2 ** 20)}));
  try {
    if (file.size <= most) return await send(file, file);
  } catch (problem) {
    if (status(problem) !== 422) throw problem;
    refused = problem;
  }
  const smaller = exact ? null : await shrunk(file, most).catch(() => null);
  if (!smaller) throw refused;
  return send(smaller, file);
};
/** Deletes what a field held, if that was an upload; what fails is deleted by its age.
 * @param {string} text */
export const discard = (text) => {
  if (text.startsWith(PREFIX))
    ask(`${UPLOADS}/${picture(text).slice(PREFIX.length)}`, {method: "DELETE"}).catch(() => {});
};

/* Uploads: a picture of the visitor's is sent once, and the form holds its id. */
import {ask} from "../core/api.js";

const UPLOADS = "/api/v1/uploads",
  PREFIX = "upload:";

/** @type {Map<string, string>} an upload's text → address of the visitor's own file, in this page */
const own = new Map();
/** Where the picture of a field's text is.
 * @param {string} text */
export const address = (text) => {
  const [kind, what] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)];
  /** @type {Record<string, string>} */
  const places = {upload: `${UPLOADS}/${what}`, shelf: `/shelf/${what}.jpg`, job: `/api/v1/jobs/${what}`};
  return own.get(text) ?? places[kind] ?? "";
};
/** Sends a file; answers with its text.
 * @param {Blob} file */
export const upload = async (file) => {
  const body = new FormData();
  body.append("picture", file);
  const text = `upload:${(await ask(UPLOADS, {method: "POST", body})).id}`;
  own.set(text, URL.createObjectURL(file));
  return text;
};
/** Deletes what a field held, if that was an upload; what fails is deleted by its age.
 * @param {string} text */
export const discard = (text) => {
  if (text.startsWith(PREFIX)) ask(`${UPLOADS}/${text.slice(PREFIX.length)}`, {method: "DELETE"}).catch(() => {});
};

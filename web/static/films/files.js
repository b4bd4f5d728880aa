/* Files for a field of the form, of which the photo's takes films too. */
import {ACCEPTED} from "../core/files.js";
import {t} from "../core/text.js";
import {upload} from "../studio/uploads.js";

const FILMS = "video/*,.mkv";
const ENDINGS = /\.(mp4|m4v|mov|webm|mkv)$/i;

/** What the browser offers to choose for a field.
 * @param {HTMLElement} field */
export const accepted = (field) => (field.dataset.film ? `${ACCEPTED},${FILMS}` : ACCEPTED);
/** @param {Blob} file */
export const isFilm = (file) => file.type.startsWith("video/") || (file instanceof File && ENDINGS.test(file.name));
/** Sends a file that is for a field; answers with its text.
 * @param {HTMLElement} field
 * @param {Blob} file
 * @returns {Promise<string>} */
export const send = async (field, file) => {
  const {name = "", most, film} = field.dataset;
  if (!isFilm(file)) return upload(file, Number(most), name.startsWith("mask"));
  if (name !== "photo") throw new Error(t("film.photo.only"));
  return upload(file, Number(film ?? most), true);
};

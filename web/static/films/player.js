/* A painted film, played; and the frame it stands at compared with the film's own. */
import {button, compare, video} from "../core/controls.js";
import {all, element, find, shaped} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";

/** @typedef {{film: string, picture: string, photo: string | null, unpainted?: string | null,
 *   width: number | null, height: number | null}} Film
 * addresses of a film, its first frame, that frame unpainted and the film unpainted; size in pixels */

/** What marks a thumbnail of a film. */
export const mark = () => element("span", {class: "badge film"}, icon("play"));
/** @param {Film} film
 * @param {string} name */
const player = ({film, picture, width, height}, name) =>
  shaped(element("div", {class: "compare"}, video(film, picture, name)), width, height);
/** Stops what plays within a part of the page.
 * @param {ParentNode} within */
export const pause = (within) => {
  for (const video of all(within, "video")) if (video instanceof HTMLVideoElement) video.pause();
};

/* ------------------------------------------------------------ one frame of a film */

/** A film that stands at a time.
 * @param {string} src
 * @param {number} time seconds
 * @returns {Promise<HTMLVideoElement>} */
const soughtTo = (src, time) =>
  new Promise((done, fail) => {
    const video = element("video", {muted: true, playsinline: true, preload: "auto", src});
    video.onloadedmetadata = () => {
      video.currentTime = time;
    };
    video.onseeked = () => done(video);
    video.onerror = () => fail(new Error(t("film.compare.failed")));
  });
/** The frame that a film stands at, as a picture's address, to be revoked.
 * @param {HTMLVideoElement} video
 * @returns {Promise<string>} */
const still = async (video) => {
  const canvas = element("canvas", {width: video.videoWidth, height: video.videoHeight});
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  /** @type {Blob | null} */
  const blob = await new Promise((done) => {
    canvas.toBlob(done);
  });
  if (!blob) throw new Error(t("film.compare.failed"));
  return URL.createObjectURL(blob);
};
/** The frame that a film stands at, painted and not; the stored ones while it stands at its first.
 * @param {Film} film
 * @param {string} photo
 * @param {HTMLVideoElement} video
 * @returns {Promise<[string, string]>} */
const frames = async ({picture, unpainted}, photo, video) => {
  if (!unpainted || !video.currentTime) return [picture, photo];
  const own = await soughtTo(unpainted, video.currentTime);
  return [await still(video), await still(own)];
};

/** A film that plays and, if it is known unpainted, turns to a slider between the two.
 * @param {Film} film
 * @param {string} [name] */
export const shown = (film, name = t("film")) => {
  const face = player(film, name),
    {photo} = film;
  if (!photo) return face;
  const video = /** @type {HTMLVideoElement} */ (find(face, "video")),
    words = t(film.unpainted ? "film.compare.this" : "film.compare");
  /** @type {string[]} addresses of what is compared; none: the film is shown */
  let compared = [];
  const turn = async () => {
    pause(face);
    wrong.textContent = "";
    if (compared.length) {
      for (const address of compared) if (address.startsWith("blob:")) URL.revokeObjectURL(address);
      compared = [];
    } else {
      knob.disabled = true;
      try {
        compared = await frames(film, photo, video);
      } catch (error) {
        wrong.textContent = String(error instanceof Error ? error.message : error);
      }
      knob.disabled = false;
    }
    const [painted, own] = compared;
    box.firstElementChild?.replaceWith(painted && own ? compare(painted, own, film.width, film.height) : face);
    knob.lastElementChild?.replaceChildren(compared.length ? t("film.back") : words);
  };
  const knob = button(words, "pages", turn);
  const wrong = element("p", {class: "bad-news", role: "alert"});
  const box = element("div", {class: "moving"}, face, knob, wrong);
  return box;
};
addEventListener("popstate", () => pause(document)); // another view is shown

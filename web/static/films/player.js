/* A painted film, played; and its first frame compared with the film's own. */
import {button, compare} from "../core/controls.js";
import {all, element, shaped} from "../core/dom.js";
import {icon} from "../core/icons.js";
import {t} from "../core/text.js";

/** @typedef {{film: string, picture: string, photo: string | null, width: number | null, height: number | null}} Film
 * addresses of a film, its first frame and that frame unpainted, and its size in pixels */

/** What marks a thumbnail of a film. */
export const mark = () => element("span", {class: "badge film"}, icon("play"));
/** @param {Film} film
 * @param {string} name */
const player = ({film, picture, width, height}, name) =>
  shaped(
    element(
      "div",
      {class: "compare"},
      element("video", {
        src: film,
        poster: picture,
        controls: true,
        playsinline: true,
        preload: "metadata",
        "aria-label": name,
      }),
    ),
    width,
    height,
  );
/** Stops what plays within a part of the page.
 * @param {ParentNode} within */
export const pause = (within) => {
  for (const video of all(within, "video")) if (video instanceof HTMLVideoElement) video.pause();
};
/** A film that plays and, if its first frame is known unpainted, turns to a slider between the two.
 * @param {Film} film
 * @param {string} [name] */
export const shown = (film, name = t("film")) => {
  const face = player(film, name),
    {photo} = film;
  if (!photo) return face;
  let compared = false;
  const turn = () => {
    compared = !compared;
    pause(face);
    const now = compared ? compare(film.picture, photo, film.width, film.height) : face;
    box.firstElementChild?.replaceWith(now);
    knob.lastElementChild?.replaceChildren(t(compared ? "film.back" : "film.compare"));
  };
  const knob = button(t("film.compare"), "pages", turn);
  const box = element("div", {class: "moving"}, face, knob);
  return box;
};
addEventListener("popstate", () => pause(document)); // another view is shown

/* The form while its photo is a film: what films don't have is left out, and a sentence says so. */
import {find, origin, setText} from "../core/dom.js";
import {span, t} from "../core/text.js";
import {held, refill} from "../form/memory.js";
import {value} from "../studio/field.js";
import {lasts, movesFor} from "../studio/uploads.js";

const SIZES = /^\d+$/; // those that are no sheet of paper

/** @param {HTMLElement} field of the photo */
const limits = ({dataset: {film, seconds}}) =>
  film ? t("film.limits", {seconds: seconds ?? "", count: Math.floor(Number(film) / 2 ** 20)}) : "";

export const start = () => {
  const form = find(document, "#form"),
    field = find(form, "#photo .field"),
    said = find(form, "#film-said p");
  const draw = () => {
    const moves = movesFor(value("photo")),
      asFilm = held().moving === "film",
      known = lasts(value("photo")),
      seconds = known || (asFilm ? moves : 0);
    if (asFilm && !moves) refill({moving: "picture"}); // the next moving picture is chosen again
    form.toggleAttribute("data-moves", moves > 0);
    form.toggleAttribute("data-film", seconds > 0);
    field.toggleAttribute("data-length", seconds > 0);
    if (seconds) field.dataset.length = known ? span(known) : ""; // of a moving picture, at most
    setText(said, seconds ? t("film.chosen") : limits(field));
    if (seconds && !SIZES.test(held().size ?? "512")) refill({size: "512"});
  };
  draw();
  form.addEventListener("picture", draw);
  form.addEventListener("change", (event) => {
    if (origin(event, "#moving")) draw();
  });
};

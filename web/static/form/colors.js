/* Small pictures of what the ways to keep colours do, above their names. */
import {all, element} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";

const [WIDTH, HEIGHT] = [72, 48];

/** @param {string} name of a way to keep colours */
const picture = (name) =>
  element("img", {
    src: under(`/page/sample/color-${name}.webp`), // python -m tests.samples_drawing.colors writes it
    alt: t(`color.${name}.alt`),
    width: WIDTH,
    height: HEIGHT,
    loading: "lazy",
  });
/** Gives every choice its picture that has none.
 * @param {HTMLElement} box */
const fill = (box) => {
  for (const label of all(box, "label:not(:has(img))")) {
    const input = label.querySelector("input");
    if (input instanceof HTMLInputElement) label.prepend(picture(input.value));
  }
};
/** Keeps pictures in the choices of a box, however often Gradio draws them again.
 * @param {HTMLElement} box */
export const keep = (box) => {
  box.classList.add("pictured");
  fill(box);
  new MutationObserver(() => fill(box)).observe(box, {childList: true, subtree: true});
};

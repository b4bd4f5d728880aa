/* What the chosen method does, under the choices of methods. */
import {element} from "../core/dom.js";
import {hows, t} from "../core/text.js";

/** @param {HTMLElement} box of the choices
 * @returns {string} such as refine-little */
const chosen = (box) => {
  const input = box.querySelector("input:checked");
  return input instanceof HTMLInputElement ? input.value : hows[0];
};
/** Keeps the text of the method that is chosen in a box, however it came to be.
 * @param {HTMLElement} box */
export const explain = (box) => {
  const text = element("p", {class: "hint", role: "status"});
  const draw = () => {
    const wanted = t(`how.${chosen(box).split("-")[0]}.info`);
    if (text.textContent !== wanted) text.textContent = wanted;
    if (text.parentElement !== box) box.append(text); // Gradio drew the choices again
  };
  draw();
  box.addEventListener("change", draw);
  new MutationObserver(draw).observe(box, {attributes: true, childList: true, subtree: true});
};
